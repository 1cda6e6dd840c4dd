"""Ways to lower a goal: one algorithm, one file. They propose; `search` in search.py is the loop around them."""

from collections.abc import Callable

import torch
from torch import Tensor

from latentopt.editing.optimizers.adam import Adam
from latentopt.editing.optimizers.bayesian import TrustRegionBayes
from latentopt.editing.optimizers.cma_es import CMAES
from latentopt.editing.optimizers.gradient import PreconditionedGradient
from latentopt.editing.optimizers.langevin import Langevin
from latentopt.editing.optimizers.lbfgs import LBFGS
from latentopt.editing.optimizers.optimizer import Optimizer
from latentopt.editing.optimizers.random_search import RandomSearch
from latentopt.editing.optimizers.stay import Stay

# By the name that the command line knows them by; each is made from the covariance of the latents, (d, d).
OPTIMIZERS: dict[str, Callable[[Tensor], Optimizer]] = {
    "gradient": PreconditionedGradient,
    "adam": Adam,
    "lbfgs": LBFGS,
    "langevin": Langevin,
    "cma-es": CMAES,
    "bayesian": TrustRegionBayes,
    "random": RandomSearch,
    "none": lambda covariance: Stay(),
}

__all__ = [
    "CMAES",
    "LBFGS",
    "OPTIMIZERS",
    "Adam",
    "Langevin",
    "Optimizer",
    "PreconditionedGradient",
    "RandomSearch",
    "Stay",
    "TrustRegionBayes",
    "without_gradient",
]


def without_gradient() -> list[str]:
    """Names of the optimizers that can lower a goal without a gradient."""
    unit = torch.eye(1)
    return [name for name, make in OPTIMIZERS.items() if not make(unit).needs_gradient]

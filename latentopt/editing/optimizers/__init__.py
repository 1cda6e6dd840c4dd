"""Ways to lower a goal: one algorithm, one file. They propose; `search` in search.py is the loop around them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from property_models.first_use import when_called

if TYPE_CHECKING:
    from torch import Tensor

    from latentopt.editing.optimizers.optimizer import Optimizer


_in = partial(when_called, __name__)

# By the name that the command line knows them by; each is made from the covariance of the latents, (d, d). A new one is
# a file and a line here.
OPTIMIZERS: dict[str, Callable[[Tensor], Optimizer]] = {
    "gradient": _in("gradient", "PreconditionedGradient"),
    "adam": _in("adam", "Adam"),
    "lbfgs": _in("lbfgs", "LBFGS"),
    "langevin": _in("langevin", "Langevin"),
    "cma-es": _in("cma_es", "CMAES"),
    "bayesian": _in("bayesian", "TrustRegionBayes"),
    "random": _in("random_search", "RandomSearch"),
    "none": _in("stay", "Stay"),
}


def without_gradient() -> list[str]:
    """Names of the optimizers that can lower a goal without a gradient."""
    import torch

    unit = torch.eye(1)
    return [name for name, make in OPTIMIZERS.items() if not make(unit).needs_gradient]

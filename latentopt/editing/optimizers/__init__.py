"""Ways to lower a goal: one algorithm, one file. They propose; `search` in search.py is the loop around them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from latentopt.editing.optimizers.optimizer import Optimizer


def _file(name: str) -> Any:
    return import_module(f"{__name__}.{name}")


# By the name that the command line knows them by; each is made from the covariance of the latents, (d, d). A new one is
# a file, and a line here. Its file is imported when it is made, so that names cost nothing.
OPTIMIZERS: dict[str, Callable[[Tensor], Optimizer]] = {
    "gradient": lambda covariance: _file("gradient").PreconditionedGradient(covariance),
    "adam": lambda covariance: _file("adam").Adam(covariance),
    "lbfgs": lambda covariance: _file("lbfgs").LBFGS(covariance),
    "langevin": lambda covariance: _file("langevin").Langevin(covariance),
    "cma-es": lambda covariance: _file("cma_es").CMAES(covariance),
    "bayesian": lambda covariance: _file("bayesian").TrustRegionBayes(covariance),
    "random": lambda covariance: _file("random_search").RandomSearch(covariance),
    "none": lambda covariance: _file("stay").Stay(),
}


def without_gradient() -> list[str]:
    """Names of the optimizers that can lower a goal without a gradient."""
    import torch

    unit = torch.eye(1)
    return [name for name, make in OPTIMIZERS.items() if not make(unit).needs_gradient]

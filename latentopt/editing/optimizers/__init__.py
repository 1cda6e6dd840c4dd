"""Ways to lower a goal: one algorithm, one file. They propose; `search` in search.py is the loop around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from latentopt.editing.optimizers.optimizer import Optimizer


def _gradient(covariance: Tensor) -> Optimizer:
    from latentopt.editing.optimizers.gradient import PreconditionedGradient

    return PreconditionedGradient(covariance)


def _adam(covariance: Tensor) -> Optimizer:
    from latentopt.editing.optimizers.adam import Adam

    return Adam(covariance)


def _lbfgs(covariance: Tensor) -> Optimizer:
    from latentopt.editing.optimizers.lbfgs import LBFGS

    return LBFGS(covariance)


def _langevin(covariance: Tensor) -> Optimizer:
    from latentopt.editing.optimizers.langevin import Langevin

    return Langevin(covariance)


def _cma_es(covariance: Tensor) -> Optimizer:
    from latentopt.editing.optimizers.cma_es import CMAES

    return CMAES(covariance)


def _bayesian(covariance: Tensor) -> Optimizer:
    from latentopt.editing.optimizers.bayesian import TrustRegionBayes

    return TrustRegionBayes(covariance)


def _random_search(covariance: Tensor) -> Optimizer:
    from latentopt.editing.optimizers.random_search import RandomSearch

    return RandomSearch(covariance)


def _stay(covariance: Tensor) -> Optimizer:
    from latentopt.editing.optimizers.stay import Stay

    return Stay()


# By the name that the command line knows them by; each is made from the covariance of the latents, (d, d). A new one is
# a file, and what makes it, here. Its file is imported when it is made, so that names cost nothing.
OPTIMIZERS: dict[str, Callable[[Tensor], Optimizer]] = {
    "gradient": _gradient,
    "adam": _adam,
    "lbfgs": _lbfgs,
    "langevin": _langevin,
    "cma-es": _cma_es,
    "bayesian": _bayesian,
    "random": _random_search,
    "none": _stay,
}


def without_gradient() -> list[str]:
    """Names of the optimizers that can lower a goal without a gradient."""
    import torch

    unit = torch.eye(1)
    return [name for name, make in OPTIMIZERS.items() if not make(unit).needs_gradient]

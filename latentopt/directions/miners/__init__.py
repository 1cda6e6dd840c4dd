"""Miners: from examples to a direction, one way of finding it in each file."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from latentopt.directions.direction import Direction
    from latentopt.directions.examples import Examples


class Miner(Protocol):
    """One way of finding a direction."""

    def __call__(self, examples: Examples) -> Direction:
        """Fit a direction to examples."""


def _file(name: str) -> Any:
    return import_module(f"{__name__}.{name}")


# By the name that the command line knows them by; each is made from the covariance of the latents, (d, d). A new one is
# a file, and a line here. Its file is imported when it is made, so that names cost nothing.
MINERS: dict[str, Callable[[Tensor], Miner]] = {
    "shrunk": lambda covariance: _file("shrunk").Shrunk(covariance),
    "mean": lambda covariance: _file("mean").Mean(),
    "components": lambda covariance: _file("components").PrincipalComponents(),
    "logistic": lambda covariance: _file("logistic").LogisticProbe(covariance),
    "discriminant": lambda covariance: _file("discriminant").DiscriminantProbe(covariance),
    "map": lambda covariance: _file("learned_map").LearnedMap(),
}

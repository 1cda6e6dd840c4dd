"""Miners: from examples to a direction, one way of finding it in each file."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from latentopt.directions.direction import Direction
    from latentopt.directions.examples import Examples
    from latentopt.space import LatentSpace


class Miner(Protocol):
    """One way of finding a direction."""

    def __call__(self, examples: Examples) -> Direction:
        """Fit a direction to examples."""


def _file(name: str) -> Any:
    return import_module(f"{__name__}.{name}")


# By the name that the command line knows them by; each is made for a space. A new one is a file, and a line here. Its
# file is imported when it is made, so that names cost nothing; what needs no density asks for none.
MINERS: dict[str, Callable[[LatentSpace], Miner]] = {
    "shrunk": lambda space: _file("default").default_miner(space),
    "mean": lambda space: _file("mean").Mean(),
    "components": lambda space: _file("components").PrincipalComponents(),
    "logistic": lambda space: _file("logistic").LogisticProbe(space.density.covariance),
    "discriminant": lambda space: _file("discriminant").DiscriminantProbe(space.density.covariance),
    "map": lambda space: _file("learned_map").LearnedMap(),
}

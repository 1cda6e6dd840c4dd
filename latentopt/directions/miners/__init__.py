"""Miners: from examples to a direction, one way of finding it in each file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from torch import Tensor

from latentopt.directions.direction import Direction
from latentopt.directions.examples import Examples
from latentopt.directions.miners.components import PrincipalComponents
from latentopt.directions.miners.discriminant import DiscriminantProbe
from latentopt.directions.miners.learned_map import LearnedMap
from latentopt.directions.miners.logistic import LogisticProbe
from latentopt.directions.miners.mean import Mean
from latentopt.directions.miners.shrunk import Shrunk

__all__ = [
    "MINERS",
    "DiscriminantProbe",
    "LearnedMap",
    "LogisticProbe",
    "Mean",
    "Miner",
    "PrincipalComponents",
    "Shrunk",
]


class Miner(Protocol):
    """One way of finding a direction."""

    def __call__(self, examples: Examples) -> Direction:
        """Fit a direction to examples."""


MINERS: Mapping[str, Callable[[Tensor], Miner]] = {  # from the covariance of latents (d, d); names for those who type
    "mean": lambda covariance: Mean(),
    "shrunk": Shrunk,
    "components": lambda covariance: PrincipalComponents(),
    "logistic": LogisticProbe,
    "discriminant": DiscriminantProbe,
    "map": lambda covariance: LearnedMap(),
}

"""Miners: from examples to a direction, one way of finding it in each file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latentopt.directions.miners.miner import Miner
    from latentopt.space import LatentSpace


def _default(space: LatentSpace) -> Miner:
    from latentopt.directions.miners.default import default_miner

    return default_miner(space)


def _mean(space: LatentSpace) -> Miner:
    from latentopt.directions.miners.mean import Mean

    return Mean()


def _components(space: LatentSpace) -> Miner:
    from latentopt.directions.miners.components import PrincipalComponents

    return PrincipalComponents()


def _logistic(space: LatentSpace) -> Miner:
    from latentopt.directions.miners.logistic import LogisticProbe

    return LogisticProbe(space.density.covariance)


def _discriminant(space: LatentSpace) -> Miner:
    from latentopt.directions.miners.discriminant import DiscriminantProbe

    return DiscriminantProbe(space.density.covariance)


def _learned_map(space: LatentSpace) -> Miner:
    from latentopt.directions.miners.learned_map import LearnedMap

    return LearnedMap()


# By the name that the command line knows them by; each is made for a space. A new one is a file, and what makes it,
# here. Its file is imported when it is made, so that names cost nothing; what needs no density asks for none.
MINERS: dict[str, Callable[[LatentSpace], Miner]] = {
    "shrunk": _default,
    "mean": _mean,
    "components": _components,
    "logistic": _logistic,
    "discriminant": _discriminant,
    "map": _learned_map,
}

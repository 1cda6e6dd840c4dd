"""Miners: from examples to a direction, one way of finding it in each file."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latentopt.directions.miners.miner import Miner
    from latentopt.space import LatentSpace


def _in(file: str, name: str) -> Callable[[LatentSpace], Miner]:
    """What makes a miner of a file here, which is imported when one is made: names cost no import of torch."""

    def make(space: LatentSpace) -> Miner:
        made: Miner = getattr(import_module(f"{__name__}.{file}"), name).for_space(space)
        return made

    return make


# By the name that the command line knows them by; each is made for a space. A new one is a file and a line here.
MINERS: dict[str, Callable[[LatentSpace], Miner]] = {
    "shrunk": _in("shrunk", "Shrunk"),
    "mean": _in("mean", "Mean"),
    "components": _in("components", "PrincipalComponents"),
    "logistic": _in("logistic", "LogisticProbe"),
    "discriminant": _in("discriminant", "DiscriminantProbe"),
    "map": _in("learned_map", "LearnedMap"),
}

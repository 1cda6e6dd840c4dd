"""Miners: from examples to a direction, one way of finding it in each file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from property_models.first_use import when_called

if TYPE_CHECKING:
    from latentopt.directions.miners.miner import Miner
    from latentopt.space import LatentSpace


_in = partial(when_called, __name__)

# By the name that the command line knows them by; each is made for a space. A new one is a file and a line here.
MINERS: dict[str, Callable[[LatentSpace], Miner]] = {
    "shrunk": _in("shrunk", "Shrunk.for_space"),
    "mean": _in("mean", "Mean.for_space"),
    "components": _in("components", "PrincipalComponents.for_space"),
    "logistic": _in("logistic", "LogisticProbe.for_space"),
    "discriminant": _in("discriminant", "DiscriminantProbe.for_space"),
    "map": _in("learned_map", "LearnedMap.for_space"),
}

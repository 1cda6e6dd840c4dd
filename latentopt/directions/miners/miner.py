"""What a miner is: from examples to a direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from latentopt.directions.direction import Direction
from latentopt.directions.examples import Examples

if TYPE_CHECKING:
    from latentopt.space import LatentSpace

Fit = Callable[[Examples], Direction]  # what miners do, and what is made of them


class Miner(Protocol):
    """One way of finding a direction."""

    @classmethod
    def for_space(cls, space: LatentSpace) -> Miner:
        """The miner with what it takes from a space."""

    def __call__(self, examples: Examples) -> Direction:
        """Fit a direction to examples."""

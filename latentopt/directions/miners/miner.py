"""What a miner is: from examples to a direction."""

from __future__ import annotations

from typing import Protocol

from latentopt.directions.direction import Direction
from latentopt.directions.examples import Examples


class Miner(Protocol):
    """One way of finding a direction."""

    def __call__(self, examples: Examples) -> Direction:
        """Fit a direction to examples."""

"""The mean difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from latentopt.directions.direction import Direction
from latentopt.directions.examples import Examples

if TYPE_CHECKING:
    from latentopt.space import LatentSpace


@dataclass(frozen=True)
class Mean:
    """The mean difference as it is: the plainest miner, good for thousands of pairs.

    Attribute vectors: Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity metric"; of texts:
    Shen et al. 2020, "Educating text autoencoders". Of texts that are no pairs it is the difference of the means.
    """

    @classmethod
    def for_space(cls, space: LatentSpace) -> Self:
        """As it is for any space."""
        return cls()

    def __call__(self, examples: Examples) -> Direction:
        """Fit a direction."""
        return examples.direction(examples.mean())

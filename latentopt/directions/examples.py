"""Examples: the latents that a direction is mined from, of pairs or of two kinds of texts."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from latentopt.directions.direction import Direction
from latentopt.directions.offset import Offset
from latentopt.errors import LatentoptError


@dataclass(frozen=True, eq=False)
class Examples:
    """Latents of texts without an attribute and of texts with it.

    source: (n, d). target: (m, d). group: number of each pair's source, (n,), as `source_ids` gives them: then
    target[i] is the partner of source[i]; None where the texts are no pairs. space: fingerprint of their space.

    Raises:
        LatentoptError: if a side is empty, or pairs differ in number.
    """

    source: Tensor
    target: Tensor
    group: Tensor | None = None
    space: str = ""

    def __post_init__(self) -> None:
        shapes = tuple(self.source.shape), tuple(self.target.shape)
        if not len(self.source) or not len(self.target) or self.source.shape[1:] != self.target.shape[1:]:
            raise LatentoptError(
                f"a direction needs latents (n, d) on both sides, of a text or more, got {shapes[0]}, {shapes[1]}"
            )
        if self.group is not None and not len(self.source) == len(self.target) == len(self.group):
            raise LatentoptError(
                f"pairs need a target and a group for every source, got {shapes[0]}, {shapes[1]} and {len(self.group)}"
            )

    @property
    def difference(self) -> Tensor:
        """Target minus source of each pair, (n, d).

        Raises:
            LatentoptError: if the texts are no pairs.
        """
        if self.group is None:
            raise LatentoptError("this needs pairs of texts, and these are two kinds of texts without partners")
        return self.target - self.source

    def take(self, sources: Tensor, targets: Tensor) -> Examples:
        """The examples of some rows, booleans or indices of each side; of pairs both are the same."""
        group = None if self.group is None else self.group[sources]
        return Examples(self.source[sources], self.target[targets], group, self.space)

    def mean(self) -> Tensor:
        """Mean of the targets minus mean of the sources, (d,): of pairs, the mean difference."""
        return self.target.mean(0) - self.source.mean(0)

    def noise(self) -> Tensor:
        """Expected squared length of the error of `mean`, a scalar.

        Pairs of one source are counted as one observation, which makes it rather too high than too low.
        """
        if self.group is None:
            sides = (self.source, self.target)
            return sum((_noise(z - z.mean(0), len(z)) for z in sides), start=self.source.new_zeros(()))
        mean = self.mean()
        off = self.difference - mean
        count = len(self.group.unique())
        return _noise(off if count > 1 else off + mean, count)

    def direction(self, vector: Tensor, *, basis: Tensor | None = None, offset: Offset | None = None) -> Direction:
        """What a miner found, as a direction of this space that has no name yet."""
        return Direction(vector, name="mined", space=self.space, basis=basis, offset=offset)


def _noise(off: Tensor, count: int) -> Tensor:
    """Of a single observation everything may be noise; never zero, for it is divided by."""
    return off.square().sum(1).mean().clamp_min(1e-12) / max(1, count - 1)

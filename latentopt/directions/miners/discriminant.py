"""The normal of a linear discriminant, preconditioned by the covariance of latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor

from latentopt.directions.direction import Direction
from latentopt.directions.examples import Examples
from latentopt.directions.miners.precondition import along_normal

if TYPE_CHECKING:
    from latentopt.space import LatentSpace


@dataclass(frozen=True, eq=False)
class DiscriminantProbe:
    """Fisher's linear discriminant: the mean difference, divided by the covariance of what it is uncertain by.

    Of pairs that is the covariance of their differences about the mean: what the partners differ by beside the
    attribute. Of texts that are no pairs it is the covariance within the two kinds. Both are shrunk (Ledoit and Wolf
    2004). The normal is multiplied by the covariance of latents, see `along_normal`.

    covariance: of the latents of the training texts, (d, d).
    """

    covariance: Tensor

    @classmethod
    def for_space(cls, space: LatentSpace) -> Self:
        """With the covariance of the space's density; raises LatentoptError if it has none."""
        return cls(space.density.covariance)

    def __call__(self, examples: Examples) -> Direction:
        """Fit a direction."""
        from sklearn.covariance import ledoit_wolf

        if examples.group is None:
            off = torch.cat([z - z.mean(0) for z in (examples.source, examples.target)])
        else:
            off = examples.difference - examples.mean()
        if len(off) < 2:  # nothing is known of what partners differ by beside the attribute
            return examples.direction(examples.mean())
        within, _ = ledoit_wolf(off.double().numpy(), assume_centered=True)
        spread = torch.tensor(within).float()
        spread += 1e-6 * max(1e-6, float(spread.diagonal().mean())) * torch.eye(len(spread))
        return along_normal(examples, torch.linalg.solve(spread, examples.mean()), self.covariance)

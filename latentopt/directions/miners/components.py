"""Principal components of paired differences: a subspace, and the mean difference within it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch

from latentopt.directions.direction import Direction
from latentopt.directions.examples import Examples

if TYPE_CHECKING:
    from latentopt.space import LatentSpace

SHARE = 0.5  # of the differences' mean square that the subspace holds


@dataclass(frozen=True)
class PrincipalComponents:
    """The mean difference inside the subspace that holds a share of what pairs differ by.

    The components are those of the differences about zero, not about their mean, as in representation engineering
    (Zou et al. 2023): what all pairs have in common is then a component itself. The subspace is kept as the direction's
    basis, and `orthogonalize` takes all of it out of another.

    share: of the differences' mean square. most: components.
    """

    share: float = SHARE
    most: int = 16

    @classmethod
    def for_space(cls, space: LatentSpace) -> Self:
        """As it is for any space."""
        return cls()

    def __call__(self, examples: Examples) -> Direction:
        """Fit a direction; raises LatentoptError if the texts are no pairs."""
        difference = examples.difference
        _, singular, axes = torch.linalg.svd(difference, full_matrices=False)
        held = singular.square().cumsum(0) / singular.square().sum().clamp_min(1e-12)
        count = min(self.most, 1 + int((held < self.share).sum()), int((singular > 1e-6 * singular[0]).sum()))
        basis = axes[: max(1, count)]  # (k, d)
        return examples.direction(basis.T @ (basis @ examples.mean()), basis=basis)

"""The normal of a logistic probe, preconditioned by the covariance of latents."""

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

C = 0.01  # inverse penalty on whitened latents: of some hundred dimensions and a thousand texts


@dataclass(frozen=True, eq=False)
class LogisticProbe:
    """Where a logistic regression says that targets are.

    The probe is fitted on whitened latents, so that its penalty is the same in every direction, and its normal is
    multiplied by the covariance (see `along_normal`): a bare normal leans on directions in which latents vary little,
    and those the decoder ignores.

    covariance: of the latents of the training texts, (d, d).
    """

    covariance: Tensor
    c: float = C

    @classmethod
    def for_space(cls, space: LatentSpace) -> Self:
        """With the covariance of the space's density; raises LatentoptError if it has none."""
        return cls(space.density.covariance)

    def __call__(self, examples: Examples) -> Direction:
        """Fit a direction."""
        from sklearn.linear_model import LogisticRegression

        lower = torch.linalg.cholesky(self.covariance)
        z = torch.cat([examples.source, examples.target])
        white = torch.linalg.solve_triangular(lower, (z - z.mean(0)).T, upper=False).T
        labels = [0] * len(examples.source) + [1] * len(examples.target)
        probe = LogisticRegression(C=self.c, class_weight="balanced", max_iter=300).fit(white.numpy(), labels)
        weight = torch.tensor(probe.coef_[0]).float()
        normal = torch.linalg.solve_triangular(lower.T, weight[:, None], upper=True)[:, 0]
        return along_normal(examples, normal, self.covariance)

"""The mean difference of few examples, freed from the noise that the latents' covariance tells from signal."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from latentopt.directions.direction import Direction
from latentopt.directions.examples import Examples
from latentopt.directions.miners.mean import Mean
from latentopt.errors import LatentoptError

if TYPE_CHECKING:
    from latentopt.directions.miners.miner import Miner
    from latentopt.space import LatentSpace

LEAST_SIGNAL = 0.1  # in noise: a mean no longer than its noise still gives a direction, a short one


@dataclass(frozen=True, eq=False)
class Shrunk:
    """Shrinks mean differences towards the directions in which texts vary.

    An empirical Bayes estimate: a difference is expected to lie where latents vary much, by the prior N(0, t C²)
    for their covariance C, and the mean of n pairs has an error of N(0, v C). Its posterior mean is

        C (C + (v / t) I)⁻¹ mean

    with v from the noise of the mean and t from what its length exceeds that noise by. With thousands of pairs it is
    the mean difference; with few, it turns towards C times the mean difference and loses the length that is noise.
    Directions in which latents vary little, which the decoder ignores, are damped either way.

    covariance: of the latents of the training texts, shape (d, d), as LatentDensity has it.
    """

    covariance: Tensor

    @classmethod
    def for_space(cls, space: LatentSpace) -> Miner:
        """With the covariance of the space's density; the mean difference, and a warning, where it has none."""
        try:
            return cls(space.density.covariance)
        except LatentoptError as error:
            why = str(error).partition(";")[0]
            warnings.warn(f"{why}: the plain mean difference is taken, which needs more pairs", stacklevel=3)
            return Mean()

    @cached_property
    def _axes(self) -> tuple[Tensor, Tensor]:
        """Variances (d,) along the principal axes, and the axes (d, d), one a column."""
        values, basis = torch.linalg.eigh(self.covariance.float())
        return values.clamp_min(0), basis

    def __call__(self, examples: Examples) -> Direction:
        """Fit a direction."""
        return examples.direction(self.shrunk(examples.mean(), examples.noise()))

    def shrunk(self, mean: Tensor, noise: Tensor) -> Tensor:
        """The posterior mean (d,) of a mean difference (d,) and its noise, a scalar."""
        values, basis = self._axes
        signal = torch.maximum(mean.square().sum() - noise, LEAST_SIGNAL * noise)
        v, t = noise / values.sum(), signal / values.square().sum()
        return basis @ (values / (values + v / t) * (basis.T @ mean))

"""The mean difference of few pairs, freed from the noise that the latents' covariance tells from signal."""

from __future__ import annotations

import torch
from torch import Tensor

LEAST_SIGNAL = 0.1  # in noise: a mean no longer than its noise still gives a direction, a short one


class ShrunkDifference:
    """A miner that shrinks mean differences towards the directions in which texts vary.

    An empirical Bayes estimate: a difference is expected to lie where latents vary much, by the prior N(0, t C²)
    for their covariance C, and the mean of n pairs has an error of N(0, v C). Its posterior mean is

        C (C + (v / t) I)⁻¹ mean

    with v from the noise of the mean and t from what its length exceeds that noise by. With thousands of pairs it is
    the mean difference; with few, it turns towards C times the mean difference and loses the length that is noise.
    Directions in which latents vary little, which the decoder ignores, are damped either way.

    Measured on an early T5-VAE with d = 512 (experiments/directions does so for any model): with 20 pairs its cosine
    to the mean difference of 1,000 other pairs is 0.44 (mean difference: 0.33) for civil, 0.28 (0.21) for positive,
    0.14 (0.08) for Shakespeare's English; with 1,500 pairs 0.87 (0.87), 0.81 (0.79), 0.69 (0.63).

    Args:
        covariance: of the latents of the training texts, shape (d, d), as LatentDensity has it.
    """

    def __init__(self, covariance: Tensor) -> None:
        values, self._basis = torch.linalg.eigh(covariance.float())
        self._values = values.clamp_min(0)  # (d,)

    def __call__(self, mean: Tensor, noise: Tensor) -> Tensor:
        """Mean differences (p, d) and their noise (p,) -> directions (p, d)."""
        signal = torch.maximum(mean.square().sum(-1) - noise, LEAST_SIGNAL * noise)
        v, t = noise / self._values.sum(), signal / self._values.square().sum()
        kept = self._values / (self._values + (v / t)[..., None])  # (p, d)
        return (mean @ self._basis * kept) @ self._basis.T

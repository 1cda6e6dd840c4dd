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

    On the bundled model it is ahead for Shakespeare's English with few pairs (cosine to the mean difference of all
    valid pairs with 20 pairs: 0.23, mean difference 0.14; with 1,000: 0.72, 0.72) and level for civil (0.35, 0.34;
    0.89, 0.89); experiments/directions measures it.

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

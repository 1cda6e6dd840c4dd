"""Whether latents look like the prior N(0, I)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from latentopt.training.regularizers import imq, mmd

TESTED = 1000  # latents in the test against the prior; of more, so many are drawn: a file may be in some order
PERMUTATIONS = 500
ACTIVE = 0.01  # variance over texts; Burda et al. 2016, section 4


@dataclass(frozen=True)
class Plane:
    """Where latents are looked at: the plane of their first two principal components.

    mean: (d,). axes: (2, d), of unit length. shares: of the variance, by axis.
    """

    mean: Tensor
    axes: Tensor
    shares: tuple[float, float]

    @classmethod
    def fit(cls, z: Tensor) -> Self:
        """The plane of latents z (n, d), n and d of 2 or more."""
        mean = z.double().mean(0)
        _, singular, axes = torch.linalg.svd(z.double() - mean, full_matrices=False)
        first, second, *_ = (singular.square() / singular.square().sum().clamp_min(1e-30)).tolist()
        # A component has no sign of its own; with this one, the same latents lie the same way on every machine.
        largest = axes[:2].gather(1, axes[:2].abs().argmax(1, keepdim=True))
        return cls(mean, axes[:2] * largest.sign(), (first, second))

    def __call__(self, z: Tensor) -> Tensor:
        """Points (n, 2) of latents (n, d)."""
        return (z.double() - self.mean) @ self.axes.T


def latent_health(z: Tensor, *, seed: int = 0) -> dict[str, float]:
    """Whether latents z (n, d) of many texts, n >= 2, look like N(0, I).

    Returns:
        `active_units`: share of dimensions whose variance over texts exceeds 0.01 (Burda et al. 2016, section 4);
        `active_axes`: the same share of principal axes: a direction in which nothing varies hides in coordinates;
        `effective_dimension`: participation ratio of the covariance's eigenvalues, (sum l)^2 / sum l^2, at most d;
        `std`: root mean variance over dimensions; `norm`, `norm_std`: of |z|^2 / d, whose values under the prior are 1
        and sqrt(2 / d); `mmd`, `mmd_p`: see `mmd_test`, for at most 1,000 latents, drawn; `mmd_texts`: how many.
    """
    variance = z.var(0)
    eigenvalues = torch.linalg.eigvalsh(torch.cov(z.T).reshape(z.shape[1], z.shape[1]).double()).clamp_min(0)
    squared = z.square().mean(1)
    drawn = torch.randperm(len(z), generator=torch.Generator().manual_seed(seed))[:TESTED]
    found, p = mmd_test(z[drawn], seed=seed)
    return {
        "active_units": (variance > ACTIVE).float().mean().item(),
        "active_axes": (eigenvalues > ACTIVE).float().mean().item(),
        "effective_dimension": (eigenvalues.sum().square() / eigenvalues.square().sum().clamp_min(1e-30)).item(),
        "std": variance.mean().sqrt().item(),
        "norm": squared.mean().item(),
        "norm_std": squared.std().item(),
        "mmd": found,
        "mmd_p": p,
        "mmd_texts": float(min(len(z), TESTED)),
    }


def mmd_test(z: Tensor, *, permutations: int = PERMUTATIONS, seed: int = 0) -> tuple[float, float]:
    """Permutation test of latents z (n, d) against as many draws of N(0, I) (Gretton et al. 2012, sections 2, 3.1, 8).

    Returns:
        The MMD (see `regularizers.mmd`) and its p: how often a random division of the 2 n points into two
        halves has one as large, (1 + count) / (1 + permutations). A p near 0 says that z is not N(0, I); the more
        latents there are, the smaller the difference that it finds.
    """
    generator = torch.Generator().manual_seed(seed)
    n = len(z)
    prior = torch.randn(z.shape, generator=generator)
    observed = mmd(z, prior).item()
    points = torch.cat([z, prior])
    kernel = imq(points, points)
    kernel.fill_diagonal_(0)
    first = torch.zeros(permutations, 2 * n)
    for row in first:
        row[torch.randperm(2 * n, generator=generator)[:n]] = 1
    second = 1 - first
    along = first @ kernel  # (permutations, 2 n)
    within = (along * first).sum(1) + ((second @ kernel) * second).sum(1)
    across = (along * second).sum(1)
    permuted = within / (n * (n - 1)) - 2 * across / n**2
    count = int((permuted >= observed).sum())
    return observed, (1 + count) / (1 + permutations)


def dimensions(z: Tensor) -> dict[str, list[float]]:
    """Mean, variance, skewness and excess kurtosis of each dimension of z (n, d); under the prior 0, 1, 0, 0."""
    mean, std = z.mean(0), z.std(0)
    white = (z - mean) / std.clamp_min(1e-12)
    return {
        "mean": mean.tolist(),
        "variance": std.square().tolist(),
        "skewness": white.pow(3).mean(0).tolist(),
        "kurtosis": (white.pow(4).mean(0) - 3).tolist(),
    }

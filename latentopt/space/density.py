"""How typical a latent is of the training texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from latentopt.errors import LatentoptError
from latentopt.tables import atomic_write

QUANTILES = 1001
RANKED_SHARE = 5  # every fifth latent says how typical latents are
FEWEST_TO_RANK = 50  # latents; of fewer, none are left out
SHRINKAGE = 0.01  # towards a multiple of the identity: a covariance of few texts has directions of no variance


@dataclass(frozen=True)
class LatentDensity:
    """A Gaussian fitted to the latents of the training texts.

    mean: (d,). covariance: (d, d). quantiles: (1001,), of the training latents' log densities, rising.
    """

    mean: Tensor
    covariance: Tensor
    quantiles: Tensor

    @classmethod
    def fit(cls, z: Tensor) -> Self:
        """Fit to latents z, shape (n, d), n >= 2."""
        if z.ndim != 2 or z.shape[0] < 2:
            raise LatentoptError(
                f"a density is fitted to latents of shape (n, d) with n of 2 or more, got {tuple(z.shape)}"
            )
        z = z.float()
        # Latents that shaped the Gaussian look more typical than new ones: those that set the scale are left out.
        ranked = z[::RANKED_SHARE] if len(z) >= FEWEST_TO_RANK else z
        if len(ranked) < len(z):
            z = z[torch.arange(len(z)) % RANKED_SHARE != 0]
        mean = z.mean(0)
        covariance = torch.cov(z.T).reshape(z.shape[1], z.shape[1])
        isotropic = covariance.diagonal().mean() * torch.eye(z.shape[1])
        covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * isotropic
        unranked = cls(mean, covariance, torch.empty(0))
        ranks = torch.linspace(0, 1, QUANTILES)
        return cls(mean, covariance, torch.quantile(unranked.log_density(ranked), ranks))

    @cached_property
    def _cholesky(self) -> Tensor:
        return torch.linalg.cholesky(self.covariance)

    def log_density(self, z: Tensor) -> Tensor:
        """Log density in nats, up to a constant that all latents share; z (n, d) -> (n,), differentiable."""
        white = torch.linalg.solve_triangular(self._cholesky, (z - self.mean).T, upper=False)  # (d, n)
        return -0.5 * white.square().sum(0)

    def typicality(self, z: Tensor) -> Tensor:
        """Share of the training latents that are less typical, 0 to 1; z (n, d) -> (n,)."""
        rank = torch.searchsorted(self.quantiles, self.log_density(z).contiguous())
        return (rank / len(self.quantiles)).clamp(0, 1)

    def save_pretrained(self, path: str | Path) -> None:
        """Write a safetensors file."""
        tensors = {"mean": self.mean, "covariance": self.covariance, "quantiles": self.quantiles}
        with atomic_write(path) as temporary:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary)

    @classmethod
    def from_pretrained(cls, path: str | Path) -> Self:
        """Read what `save_pretrained` wrote; LatentoptError for a file that is damaged or of another kind."""
        try:
            tensors = load_file(path)
            return cls(tensors["mean"].float(), tensors["covariance"].float(), tensors["quantiles"].float())
        except (SafetensorError, KeyError) as error:
            raise LatentoptError(
                f"{path}: this is no density of latents ({error}); copy or train the model again"
            ) from error

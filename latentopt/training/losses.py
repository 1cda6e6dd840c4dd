"""What a T5VAE is trained by, as values: what pulls its latents, noise on them, what they shall tell, and weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Regularizer(Protocol):
    """What pulls the latents of a batch towards the prior N(0, I).

    needs_variance: whether the encoder must give log variances.
    """

    @property
    def needs_variance(self) -> bool: ...

    def __call__(self, z: Tensor, log_variance: Tensor | None) -> Tensor:
        """A scalar, of latents (n, d) and their log variances, where the encoder gives them."""


@dataclass(frozen=True)
class MMD:
    """`regularizers.mmd`, and `moments` times `regularizers.moments`.

    The second keeps mean and covariance those of the prior, which the MMD of a small batch hardly sees.
    """

    weight: float = 1.0
    moments: float = 0.3
    needs_variance = False

    def __call__(self, z: Tensor, log_variance: Tensor | None) -> Tensor:
        import torch

        from latentopt.training import regularizers

        z = regularizers.gathered(z)
        if len(z) < 2:
            return z.new_zeros(())
        found = regularizers.mmd(z, torch.randn_like(z))
        return self.weight * (found + self.moments * regularizers.moments(z) if self.moments else found)


@dataclass(frozen=True)
class KL:
    """`regularizers.kl`: for models whose encoder gives log variances."""

    weight: float = 1.0
    free_bits: float = 0.1
    needs_variance = True

    def __call__(self, z: Tensor, log_variance: Tensor | None) -> Tensor:
        from latentopt.training import regularizers

        if log_variance is None:
            raise ValueError("the KL regularizer needs a model whose encoder gives log variances: stochastic=True")
        return self.weight * regularizers.kl(z, log_variance, free_bits=self.free_bits)


@dataclass(frozen=True)
class NoRegularizer:
    """Latents go where they want."""

    needs_variance = False

    def __call__(self, z: Tensor, log_variance: Tensor | None) -> Tensor:
        return z.new_zeros(())


@dataclass(frozen=True)
class LatentNoise:
    """Noise that turns each latent towards a draw of the prior, z' = cos(a) z + sin(a) e with e from N(0, I).

    The angle a is uniform from arcsin(least) to arcsin(most). z' follows the prior whatever a is, so the decoder cannot
    tell a draw of the prior from a text's noisy latent: it learns to write what is likely as far as the latent leaves
    it open, and the encoder to put like texts side by side (Shen et al. 2020, "Educating text autoencoders", with noise
    on the latent in place of the tokens). `least` as large as `most` makes it the same for all, so that a latent can
    say -d log2(most) bits whatever the loss (Xu & Durrett 2018, "Spherical latent spaces for stable variational
    autoencoders", with noise of another form).
    """

    most: float = 0.0
    least: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most <= 1:
            raise ValueError(
                f"latent noise is a share from 0 to 1, the least at most the most, got {self.least} and {self.most}"
            )

    def __call__(self, z: Tensor, log_variance: Tensor | None) -> Tensor:
        import torch

        if log_variance is not None:
            z = z + (0.5 * log_variance).exp() * torch.randn_like(z)
        if not self.most:
            return z
        least, most = math.asin(self.least), math.asin(self.most)
        angle = least + (most - least) * torch.rand_like(z[:, :1])
        return angle.cos() * z + angle.sin() * torch.randn_like(z)


@dataclass(frozen=True)
class Property:
    """Something that the latent shall tell (Gomez-Bombarelli et al. 2018): a number, or whether something is so.

    weight: of it among the properties.
    """

    name: str
    binary: bool = False
    weight: float = 1.0

    def loss(self, predicted: Tensor, value: Tensor) -> Tensor:
        """Sum over the rows (n,) whose value is known, of squared errors (in standard deviations) or of nats."""
        from torch.nn import functional as F

        # Rows are weighed by 0 and not left out: to know how many are left, a GPU's queue would have to run empty.
        known = (~value.isnan()).float()
        value = value.nan_to_num()
        if self.binary:
            return F.binary_cross_entropy_with_logits(predicted, value, known, reduction="sum")
        return 0.5 * ((predicted - value).square() * known).sum()


@dataclass(frozen=True)
class Weights:
    """Of the parts of the loss: nats per token of fills and of whole texts, 1 - cosine, and a property's mean loss."""

    fills: float = 1.0
    wholes: float = 1.0
    teacher: float = 1.0
    properties: float = 0.5

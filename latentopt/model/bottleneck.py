"""Token states (b, t, d_model) <-> one latent (b, d)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Bottleneck(nn.Module):
    """Flattened positions, as in Greenlee's T5-VAE, with a narrow slot for each position.

    The original maps 1,000 latent dimensions through ten numbers per token, so that its decoder sees at most 10 x
    length of them. Here every text is padded to `positions` slots before it is flattened, and the way back has full
    column rank: whatever the length of the text, the decoder sees every latent dimension.

    Args:
        d_model: width of the token states.
        latent_dim: d, the size of the latent.
        positions: most tokens of a text, and the length of the memory that the decoder attends to.
        slot_dim: width of a position's slot; at most d_model, and positions * slot_dim at least latent_dim.
        stochastic: also give a log variance for each latent dimension (for the KL regularizer).
    """

    def __init__(
        self,
        d_model: int,
        latent_dim: int,
        *,
        positions: int,
        slot_dim: int,
        stochastic: bool,
    ) -> None:
        super().__init__()
        if positions * slot_dim < latent_dim or slot_dim > d_model:
            raise ValueError(
                f"the memory must be able to hold the latent: latent_dim={latent_dim} must be at most "
                f"positions * slot_dim = {positions} * {slot_dim}, and slot_dim at most d_model={d_model}"
            )
        self.positions = positions
        self.slot_dim = slot_dim
        self.down = nn.Linear(d_model, slot_dim, bias=False)
        self.to_latent = nn.Linear(positions * slot_dim, latent_dim)
        self.to_log_variance = nn.Linear(positions * slot_dim, latent_dim) if stochastic else None
        self.from_latent = nn.Linear(latent_dim, positions * slot_dim)
        self.up = nn.Linear(slot_dim, d_model, bias=False)
        self.position = nn.Parameter(torch.empty(positions, d_model))

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Scale the layers so that latents start near unit variance and the memory near that of token states."""
        nn.init.normal_(self.down.weight, std=self.down.in_features**-0.5)
        # A text fills about a third of the slots: what it fills should add up to unit variance.
        nn.init.normal_(self.to_latent.weight, std=(self.to_latent.in_features / 3) ** -0.5)
        nn.init.zeros_(self.to_latent.bias)
        if self.to_log_variance is not None:
            nn.init.normal_(self.to_log_variance.weight, std=1e-3)
            nn.init.constant_(
                self.to_log_variance.bias, -3.0
            )  # nearly deterministic at the start, or nothing is learned
        nn.init.normal_(self.from_latent.weight, std=self.from_latent.in_features**-0.5)
        nn.init.zeros_(self.from_latent.bias)
        nn.init.normal_(self.up.weight, std=self.up.in_features**-0.5)
        nn.init.normal_(self.position, std=0.5)

    def encode(self, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """Token states to latents.

        Args:
            states: shape (b, t, d_model), t at most `positions`.
            mask: shape (b, t), 1 for a token and 0 for padding.

        Returns:
            Latents (posterior means), shape (b, d), and their log variances, same shape, or None. Where there are no
            log variances, the latents lie on the sphere of radius sqrt(d).

        Raises:
            ValueError: if the texts have more tokens than there are positions.
        """
        t = states.shape[1]
        if t > self.positions:
            raise ValueError(f"a text may have at most {self.positions} tokens, got {t}; truncate it first")
        slots = self.down(states) * mask[..., None]  # (b, t, slot_dim)
        flat = F.pad(slots, (0, 0, 0, self.positions - t)).flatten(1)  # (b, positions * slot_dim)
        log_variance = None if self.to_log_variance is None else self.to_log_variance(flat)
        mean = self.to_latent(flat)
        if log_variance is None:  # nothing else keeps it from shrinking short texts, which the prior hardly ever does
            mean = F.rms_norm(mean.float(), mean.shape[-1:])  # |z|^2 = d, as good as all of N(0, I) in many dimensions
        return mean, log_variance

    def decode(self, z: Tensor) -> Tensor:
        """Latents (b, d) to the memory that the decoder attends to, shape (b, positions, d_model)."""
        slots = self.from_latent(z).unflatten(1, (self.positions, self.slot_dim))
        return self.up(slots) + self.position

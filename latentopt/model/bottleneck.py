"""Token states (b, t, d_model) -> one latent (b, d) -> memory slots (b, s, d_model).

A latent has up to two parts, each with its way in and out: a pooled part that means, and a positional one that copies.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HEADS = 32  # of the pooling
HIDDEN = 2  # width of its hidden layer, in latents
SLOT_WIDTH = 128  # of a slot before it gets the width of a state
NEARLY_SURE = -3.0  # the log variance to begin with: a noisier latent would not be learned from


class Pooled(nn.Module):
    """A latent that means something: attention over the token states, whatever their number, into a few slots.

    Each of 32 heads takes its own mean of the states, weighted by what it looks for; they start as plain means, of
    which linear probes read more than of any single state.

    Args:
        d_model: width of the token states, a multiple of 32.
        latent_dim: size of the latent.
        slots: states that the decoder attends to in its place.
        stochastic: also give a log variance for each dimension.
    """

    def __init__(self, d_model: int, latent_dim: int, *, slots: int, stochastic: bool) -> None:
        super().__init__()
        if d_model % HEADS:
            raise ValueError(f"d_model must be a multiple of {HEADS}, got {d_model}")
        self.slots = slots
        self.score = nn.Linear(d_model, HEADS)
        self.value = nn.Linear(d_model, d_model, bias=False)
        self.hidden = nn.Linear(d_model, HIDDEN * latent_dim)
        self.to_latent = nn.Linear(d_model, latent_dim)
        self.refine = nn.Linear(HIDDEN * latent_dim, latent_dim, bias=False)
        self.from_latent = nn.Linear(latent_dim, slots * SLOT_WIDTH)
        self.up = nn.Linear(SLOT_WIDTH, d_model, bias=False)
        self.place = nn.Parameter(torch.empty(slots, d_model))
        self.to_log_variance = nn.Linear(d_model, latent_dim) if stochastic else None

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Scale the layers so that latents start near unit variance and slots near that of token states."""
        for layer in (self.value, self.hidden, self.to_latent, self.from_latent, self.up):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
        for layer in (self.hidden, self.to_latent, self.from_latent, self.score):
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.score.weight)
        nn.init.zeros_(self.refine.weight)
        nn.init.normal_(self.place, std=0.5)
        _start_nearly_sure(self.to_log_variance)

    def encode(self, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """Token states (b, t, d_model) and mask (b, t) to what `posterior` gives."""
        score = self.score(states).float().masked_fill(mask[..., None] == 0, float("-inf"))  # (b, t, heads)
        weight = score.softmax(1)
        value = self.value(states).float().unflatten(2, (HEADS, -1))  # (b, t, heads, d_model / heads)
        pooled = torch.einsum("bth,bthv->bhv", weight, value).flatten(1)
        pooled = F.rms_norm(pooled, pooled.shape[-1:])
        mean = self.to_latent(pooled) + self.refine(F.silu(self.hidden(pooled)))
        return posterior(mean, self.to_log_variance, pooled)

    def decode(self, z: Tensor) -> Tensor:
        """Latents (b, latent_dim) to slots (b, slots, d_model)."""
        return self.up(self.from_latent(z).unflatten(1, (self.slots, -1))) + self.place


class Positional(nn.Module):
    """A latent that copies: flattened positions, as in Greenlee's T5-VAE, with a narrow slot for each position.

    The original maps 1,000 latent dimensions through ten numbers per token, so that its decoder sees at most 10 x
    length of them. Here every text is padded to `positions` slots before it is flattened, and the way back has full
    column rank: whatever the length of the text, the decoder sees every latent dimension.

    Args:
        d_model: width of the token states.
        latent_dim: size of the latent.
        positions: most tokens of a text, and the number of slots that the decoder attends to.
        slot_dim: width of a position's slot; at most d_model, and positions * slot_dim at least latent_dim.
        stochastic: also give a log variance for each dimension.
    """

    def __init__(self, d_model: int, latent_dim: int, *, positions: int, slot_dim: int, stochastic: bool) -> None:
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
        self.from_latent = nn.Linear(latent_dim, positions * slot_dim)
        self.up = nn.Linear(slot_dim, d_model, bias=False)
        self.step = nn.Linear(slot_dim, d_model, bias=False)
        self.place = nn.Parameter(torch.empty(positions, d_model))
        self.to_log_variance = nn.Linear(positions * slot_dim, latent_dim) if stochastic else None

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Scale the layers so that latents start near unit variance and slots near that of token states."""
        nn.init.normal_(self.down.weight, std=self.down.in_features**-0.5)
        # A text fills about a third of the slots: what it fills should add up to unit variance.
        nn.init.normal_(self.to_latent.weight, std=(self.to_latent.in_features / 3) ** -0.5)
        nn.init.zeros_(self.to_latent.bias)
        nn.init.normal_(self.from_latent.weight, std=self.from_latent.in_features**-0.5)
        nn.init.zeros_(self.from_latent.bias)
        nn.init.normal_(self.up.weight, std=self.up.in_features**-0.5)
        nn.init.zeros_(self.step.weight)  # it must not disturb what a pretrained decoder has learned
        nn.init.normal_(self.place, std=0.5)
        _start_nearly_sure(self.to_log_variance)

    def encode(self, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """Token states (b, t, d_model) and mask (b, t) to what `posterior` gives.

        Raises:
            ValueError: if the texts have more tokens than there are positions.
        """
        t = states.shape[1]
        if t > self.positions:
            raise ValueError(f"a text may have at most {self.positions} tokens, got {t}; truncate it first")
        slots = self.down(states) * mask[..., None]  # (b, t, slot_dim)
        flat = F.pad(slots, (0, 0, 0, self.positions - t)).flatten(1)  # (b, positions * slot_dim)
        return posterior(self.to_latent(flat), self.to_log_variance, flat)

    def decode(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Latents (b, latent_dim) to slots (b, positions, d_model), and as much to add to the decoder's input.

        Slot t is added at step t (the "embedding" and "memory" schemes of Li et al. 2020, "Optimus"): it tells the
        decoder where it stands, which T5's cross-attention, without positions, cannot.
        """
        slots = self.from_latent(z).unflatten(1, (self.positions, self.slot_dim))
        return self.up(slots) + self.place, self.step(slots)


def posterior(mean: Tensor, to_log_variance: nn.Linear | None, features: Tensor) -> tuple[Tensor, Tensor | None]:
    """Latents (b, latent_dim) and their log variances, or None.

    Where there are no log variances, the latents lie on the sphere of radius sqrt(latent_dim), as good as all of
    N(0, I) in many dimensions: nothing else would keep the latents of short texts from shrinking.
    """
    if to_log_variance is None:
        return F.rms_norm(mean.float(), mean.shape[-1:]), None
    return mean, to_log_variance(features)


def _start_nearly_sure(to_log_variance: nn.Linear | None) -> None:
    if to_log_variance is not None:
        nn.init.normal_(to_log_variance.weight, std=1e-3)
        nn.init.constant_(to_log_variance.bias, NEARLY_SURE)

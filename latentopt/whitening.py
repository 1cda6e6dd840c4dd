"""Give the latents of a trained T5-VAE the mean and covariance of its prior, by changing its weights."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from latentopt.errors import LatentoptError
from latentopt.model import T5VAE, T5VAEConfig
from latentopt.space import LatentSpace

FLOOR = 1e-4  # of the eigenvalues: what hardly varies is not stretched further
TEXTS = 10  # for each latent dimension, at least


@torch.no_grad()
def whitened(space: LatentSpace, texts: Sequence[str], *, power: float = 1.0) -> LatentSpace:
    """A space whose latents have about zero mean and unit covariance over texts like these, and that decodes as before.

    Regularizers get there slowly: with each position of a text in a subspace of its own, the first positions, which
    every text has, are wider than the last. Here the latents' mean mu is taken away and their covariance C is turned
    into C^(1 - power), by z -> C^(-power/2) (z - mu), after which they are put back on their sphere. The map becomes
    part of the layer that makes latents; the decoder undoes it. That is exact but for the length that the sphere takes
    away, which mu would be needed for. (Whitening: Kessy et al. 2018, "Optimal whitening and decorrelation", the ZCA.)

    A decoder knows by its latent's covariance how much of it is noise: draws of the prior decode to nonsense after
    whitening, until the decoder is trained on.

    Args:
        space: of a model with a deterministic encoder. It stays as it is.
        texts: texts like those that it is for, at least ten for each latent dimension.
        power: from 0 (nothing but the mean changes) to 1 (unit covariance).

    Returns:
        A new space, without density, n-grams, heads and directions: its latents are not those of the old one.

    Raises:
        LatentoptError: for too few texts, a model with a stochastic encoder, or one that is whitened already.
    """
    config, d = space.model.config, space.latent_dim
    if config.regularizer == "kl" or config.whitened:
        raise LatentoptError(
            "only a model with a deterministic encoder that is not whitened yet can be whitened, got "
            + ("a whitened one" if config.whitened else "one with the KL regularizer")
        )
    if len(texts) < TEXTS * d:
        raise LatentoptError(f"whitening {d} dimensions needs {TEXTS * d} texts or more, got {len(texts)}")
    scale, shift = _map(_before_normalisation(space, texts), power)
    made = T5VAE(T5VAEConfig(**{**copy.deepcopy(config.to_dict()), "whitened": True}))
    made.load_state_dict(space.model.state_dict(), strict=False)
    made.to(space.model.device)
    into, undo = made.bottleneck.to_latent, made.bottleneck.undo_whitening
    assert isinstance(undo, nn.Linear)
    back = torch.linalg.inv(scale)
    _set(into, scale @ into.weight.cpu().double(), scale @ into.bias.cpu().double() + shift)
    _set(undo, back, -back @ shift)
    return LatentSpace(made, space.tokenizer)


def _before_normalisation(space: LatentSpace, texts: Sequence[str]) -> Tensor:
    parts: list[Tensor] = []
    layer = space.model.bottleneck.to_latent
    hook = layer.register_forward_hook(lambda layer, inputs, output: parts.append(output.cpu().double()))
    try:
        space.encode(texts)
    finally:
        hook.remove()
    return torch.cat(parts)  # (n, d), in an order of its own


def _map(raw: Tensor, power: float) -> tuple[Tensor, Tensor]:
    """The map x -> scale x + shift of rows (n, d), before their normalisation, that whitens directions."""
    d = raw.shape[1]
    size = raw.norm(dim=1).mean() / d**0.5
    z = F.normalize(raw, dim=1) * d**0.5
    values, vectors = torch.linalg.eigh(torch.cov(z.T))
    root = vectors @ torch.diag(values.clamp_min(FLOOR) ** (-power / 2)) @ vectors.T
    scale, shift = root / size, -root @ z.mean(0)
    size = (raw @ scale.T + shift).norm(dim=1).mean() / d**0.5
    return scale / size, shift / size


def _set(layer: nn.Linear, weight: Tensor, bias: Tensor) -> None:
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)

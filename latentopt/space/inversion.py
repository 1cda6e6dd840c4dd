"""Latents that decode to given texts, where encoding them does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from latentopt.model import T5VAE
from latentopt.model.bf16 import bf16_is_fast
from latentopt.space.tokens import batch_of, batches

STEPS = 200
STEP = 0.3  # length of the first step; two texts are about 25 apart in 320 dimensions
MOMENTUM = 0.9
NOISE = 0.1  # of the latents' standard deviation: a latent that only just decodes to its text is no place to start from
PULL = 0.02  # nats for a squared distance of 1 from the encoded latent
GROWTH = 1.03  # of the step at each step, up to LONGEST; noise and pull shrink as it grows
LONGEST = 3.0


@dataclass(frozen=True)
class Inversion:
    """Latents of n texts.

    z: (n, d). exact: (n,), whether z decodes greedily to the text. encoded: (n, d), the encoder's latents.
    encoded_exact: (n,), whether those do; there z is the encoder's.
    """

    z: Tensor
    encoded: Tensor
    exact: Tensor
    encoded_exact: Tensor


def invert_all(
    model: T5VAE,
    encoded: Tensor,
    ids: Sequence[Sequence[int]],
    *,
    steps: int,
    step: float,
    noise: float,
    pull: float,
    batch_size: int,
    seed: int,
) -> Inversion:
    """Latents of n texts: the encoder's where they decode to their texts, else what `invert` finds from there.

    Args:
        model: in evaluation mode.
        encoded: the encoder's latents, (n, d), on the CPU.
        ids: token ids of each text, its end token included.
        steps, step, noise, pull, seed: see `invert`.
        batch_size: texts that are inverted together.
    """
    z = encoded.clone()
    before, exact = (torch.zeros(len(ids), dtype=torch.bool) for _ in range(2))
    for rows in batches(ids, batch_size):
        labels, mask = batch_of(model, [ids[i] for i in rows])
        before[rows] = reproduces(model, z[rows].to(model.device), labels, mask).cpu()
    for rows in batches(ids, batch_size, of=(~before).nonzero()[:, 0].tolist()):
        labels, mask = batch_of(model, [ids[i] for i in rows])
        moved, found = invert(
            model, z[rows].to(model.device), labels, mask, steps=steps, step=step, noise=noise, pull=pull, seed=seed
        )
        z[rows], exact[rows] = moved.cpu(), found.cpu()
    return Inversion(z, encoded, exact | before, before)


def reproduces(model: T5VAE, z: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    """Whether greedy decoding of z (b, d) gives the token ids (b, t), shape (b,).

    One pass does: a decoder that is given the text up to each token and takes the right next one would have written it.
    """
    with torch.no_grad():
        return _right(_logits(model, z, ids), ids, mask)


def invert(
    model: T5VAE,
    z: Tensor,
    ids: Tensor,
    mask: Tensor,
    *,
    steps: int = STEPS,
    step: float = STEP,
    noise: float = NOISE,
    pull: float = PULL,
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    """Move latents until they decode to their texts: down the cross-entropy of the text, through the decoder.

    GAN inversion (Zhu et al. 2016, eq. 2; the encoder's latent as its start, section 3.2) with a text decoder. Steps
    have the same length whatever the gradient's: Adam's, which move every dimension alike, end nearly twice as far from
    the encoder's latent. Each text stops at the first step whose latent decodes to it, with and without noise, and
    leaves the batch. Texts that are not found nearby are looked for farther away: steps grow, noise and pull shrink.

    Args:
        model: in evaluation mode.
        z: where to start, the encoder's latents, shape (b, d).
        ids, mask: the texts, shape (b, t), ended by the end token and padded; mask is 1 for a token.
        steps: most steps.
        step: length of the first step, Euclidean.
        noise: standard deviation of the noise that the latent must withstand, at first.
        pull: weight of |z - start|^2 beside the text's cross-entropy, summed over tokens (nats), at first.
        seed: of the noise.

    Returns:
        Latents, shape (b, d), and whether they decode to their texts, (b,). Where they do not, z is as it came.

    Raises:
        ValueError: for a step that is not above 0.
    """
    if step <= 0:
        raise ValueError(f"the length of a step must be above 0, got {step}")
    out, exact = z.clone(), torch.zeros(len(z), dtype=torch.bool, device=z.device)
    rows = torch.arange(len(z), device=z.device)  # those still in the batch
    start, here = z, z.clone()
    velocity = torch.zeros_like(z)
    generator = torch.Generator(device=z.device).manual_seed(seed)
    low = bf16_is_fast(z.device)  # for the gradients; whether a latent decodes to its text is decided in fp32
    for count in range(1, steps + 2):  # the last looks only where the last step has led
        grown = min(GROWTH**count, max(1.0, LONGEST / step))
        here.requires_grad_(True)
        # One draw for all: what is found for a text must not depend on its neighbours.
        disturbed = here + noise / grown * torch.randn(1, z.shape[1], generator=generator, device=z.device)
        labels = ids[rows]
        with torch.enable_grad(), torch.autocast(z.device.type, torch.bfloat16, enabled=low):
            logits = _logits(model, disturbed, labels).float()
            token = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view_as(labels)
            loss = (token * mask[rows]).sum() + pull / grown * (here - start).square().sum()
            (gradient,) = torch.autograd.grad(loss, here)
        here = here.detach()
        passed = _right(logits.detach(), labels, mask[rows])
        if passed.any():
            candidates = passed.nonzero()[:, 0]
            sure = reproduces(model, here[candidates], labels[candidates], mask[rows][candidates])
            done = candidates[sure]
            out[rows[done]], exact[rows[done]] = here[done], True
            going = torch.ones_like(passed).index_fill(0, done, False)
            rows, here, start, velocity, gradient = (x[going] for x in (rows, here, start, velocity, gradient))
            if not len(rows):
                break
        velocity = MOMENTUM * velocity + (1 - MOMENTUM) * F.normalize(gradient, dim=1)
        here = here - step * grown * velocity / (1 - MOMENTUM**count)
    return out, exact


def _logits(model: T5VAE, z: Tensor, ids: Tensor) -> Tensor:
    return model(model.shifted(ids), model.memory(z)).logits


def _right(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    return ((logits.argmax(-1) == ids) | (mask == 0)).all(1)

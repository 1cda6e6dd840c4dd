"""How good a model is: reconstruction and the health of its latents."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from latentopt.regularizers import mmd


def reconstruction(texts: Sequence[str], decoded: Sequence[str]) -> dict[str, float]:
    """How well texts survive encode and decode.

    Returns:
        `bleu`: corpus BLEU with sacrebleu's 13a tokens, 0 to 100 (Papineni et al. 2002; Post 2018); `chrf`: corpus
        chrF, 0 to 100 (Popovic 2015); `exact`: share of texts that come back character for character.
    """
    from sacrebleu import corpus_bleu, corpus_chrf

    exact = sum(a == b for a, b in zip(texts, decoded, strict=True)) / len(texts)
    return {
        "bleu": corpus_bleu(decoded, [texts]).score,
        "chrf": corpus_chrf(decoded, [texts]).score,
        "exact": exact,
    }


def latent_health(z: Tensor, *, seed: int = 0) -> dict[str, float]:
    """Whether latents (n, d) of many texts look like N(0, I).

    Returns:
        `active_units`: share of dimensions whose variance over texts exceeds 0.01 (Burda et al. 2016, section 4);
        `mmd`: against as many draws of N(0, I); `latent_std`: root mean variance over dimensions.
    """
    generator = torch.Generator().manual_seed(seed)
    z = z[:2000]
    variance = z.var(0)
    return {
        "active_units": (variance > 0.01).float().mean().item(),
        "mmd": mmd(z, torch.randn(z.shape, generator=generator)).item(),
        "latent_std": variance.mean().sqrt().item(),
    }

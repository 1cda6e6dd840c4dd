"""Weights in 4 to 8 bits: blocks of 32 weights with a scale, by gguf's own quantizers, in a safetensors file.

A model is trained and computes in floating point: this is how one is shipped, in a quarter to a seventh of the space.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from gguf import GGMLQuantizationType, quants
from safetensors import safe_open
from safetensors.numpy import save
from torch import Tensor

from latentopt.model.config import T5VAEConfig
from latentopt.model.t5vae import T5VAE
from latentopt.tables import atomic_write

FILE = "model.quantized.safetensors"
BLOCK = 32  # weights that share a scale
Bits = Literal[4, 5, 8]
TYPES: dict[Bits, GGMLQuantizationType] = {
    4: GGMLQuantizationType.Q4_0,
    5: GGMLQuantizationType.Q5_0,
    8: GGMLQuantizationType.Q8_0,
}


@dataclass(frozen=True)
class Precision:
    """Bits of a weight, beside half a bit for its block's scale.

    Eight lose nothing that can be measured. Four or five are for models that were trained to be rounded so (the last
    stage of `experiments/bundled`), and cost others a good part of their fluency.

    encoder: all of its layers. feed_forward, attention: of the decoder's. rest: embeddings, which each token's loss
    hangs on, and the bottleneck.
    """

    encoder: Bits = 8
    feed_forward: Bits = 8
    attention: Bits = 8
    rest: Bits = 8

    def of(self, name: str) -> Bits:
        """Bits of the weights of a parameter."""
        if name.startswith("t5.encoder."):
            return self.encoder
        if name.startswith("t5.decoder."):
            return self.feed_forward if "DenseReluDense" in name else self.attention
        return self.rest


SMALL = Precision(encoder=4, feed_forward=4, attention=5)


def is_quantized(value: Tensor) -> bool:
    """Whether a parameter is stored in blocks; others, few and small, are stored in 16 bits."""
    return value.ndim == 2 and value.shape[1] % BLOCK == 0 and value.numel() > BLOCK * BLOCK


def save_quantized(model: T5VAE, directory: str | Path, precision: Precision) -> None:
    """Write a model's configuration and its weights, matrices quantized, all else in 16 bits.

    Args:
        model: to write. directory: where to; it is made.
        precision: of the matrices.
    """
    tensors, kinds = {}, {}
    tied = set(model.all_tied_weights_keys)
    for name, value in model.state_dict().items():
        if name in tied:
            continue
        array = value.detach().float().cpu().numpy()
        if is_quantized(value):
            kind = TYPES[precision.of(name)]
            tensors[name] = quants.quantize(array, kind)
            kinds[name] = kind.name
        else:
            tensors[name] = array.astype(np.float16)
    model.config.save_pretrained(directory)
    with atomic_write(Path(directory) / FILE) as file:
        file.write_bytes(save(tensors, metadata=kinds))


def load_quantized(directory: str | Path) -> T5VAE:
    """Read a model that `save_quantized` wrote, in fp32 and evaluation mode.

    Raises:
        ValueError: if a tensor is of a kind that no quantizer wrote, or the weights do not fit the configuration.
    """
    config = T5VAEConfig.from_pretrained(directory)
    weights: dict[str, Tensor] = {}
    with safe_open(Path(directory) / FILE, "numpy") as file:
        kinds = file.metadata() or {}
        for name in file.keys():  # noqa: SIM118 (it is no dictionary)
            array = file.get_tensor(name)
            if name in kinds:
                array = quants.dequantize(array, GGMLQuantizationType[kinds[name]])
            weights[name] = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
    with torch.device("meta"):  # no time is spent on weights that are overwritten
        model = T5VAE(config)
    missing, unexpected = model.load_state_dict(weights, strict=False, assign=True)
    model.tie_weights()
    if wrong := sorted({*unexpected, *missing} - set(model.all_tied_weights_keys)):
        raise ValueError(f"the weights do not fit the configuration ({wrong[0]} and {len(wrong) - 1} more)")
    return model.eval()

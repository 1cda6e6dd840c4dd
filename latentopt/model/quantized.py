"""Weights in 4 to 8 bits: blocks of 32 weights with a scale, by gguf's own quantizers, in a safetensors file.

A model is trained and computes in floating point: this is how one is shipped, an eighth of its size.
"""

from __future__ import annotations

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
    4: GGMLQuantizationType.Q4_1,
    5: GGMLQuantizationType.Q5_1,
    8: GGMLQuantizationType.Q8_0,
}


def save_quantized(model: T5VAE, directory: str | Path, *, bits: Bits = 4, embedding_bits: Bits = 8) -> None:
    """Write a model's configuration and its weights, matrices quantized, all else in 16 bits.

    Args:
        model: to write. directory: where to; it is made.
        bits: of a weight, beside half a bit (4, 8) or a whole one (4 and 5 with an offset) for its block's scale.
        embedding_bits: of the embeddings, which each token's loss hangs on.
    """
    tensors, kinds = {}, {}
    tied = set(model.all_tied_weights_keys)
    for name, value in model.state_dict().items():
        if name in tied:
            continue
        array = value.detach().float().cpu().numpy()
        if array.ndim == 2 and array.shape[1] % BLOCK == 0 and array.size > BLOCK * BLOCK:
            kind = TYPES[embedding_bits if name == "t5.shared.weight" else bits]
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

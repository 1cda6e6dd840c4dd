"""Find and load the model of a space, whatever is wrong with it said in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from latentopt.errors import LatentoptError
from latentopt.model import T5VAE, quantized
from latentopt.model.tokenizer import load_tokenizer

ATTENTION = "eager"  # for the short queries of writing, twice to seven times as fast as torch's fused attention


def load(source: str | Path) -> tuple[T5VAE, PreTrainedTokenizerBase]:
    """Load a model in fp32 and its tokenizer from a directory, or from a name on the Hugging Face hub.

    Raises:
        LatentoptError: if there is no such model, or if its files are damaged or of another kind.
    """
    path = Path(source)
    # What could be a hub name is one only where no such folder could be meant: asking the hub for a mistyped
    # path takes long.
    if not path.is_dir() and (path.is_absolute() or str(source).count("/") != 1 or path.parent.is_dir()):
        raise LatentoptError(
            f"{source}: there is no such directory; a model is a directory made by 'latentopt train', "
            "or a hub name like user/model"
        )
    try:
        if (path / quantized.FILE).exists():
            model, wrong = quantized.load_quantized(path), []
        else:
            # Its types do not know that it returns two things when asked to report.
            loaded: Any = T5VAE.from_pretrained(source, dtype=torch.float32, output_loading_info=True)
            model = loaded[0]
            wrong = sorted({str(key) for keys in loaded[1].values() for key in keys})
        tokenizer = load_tokenizer(source)
    except Exception as error:  # transformers and safetensors raise many kinds for a damaged or missing file
        if not path.is_dir():
            raise LatentoptError(
                f"{source}: there is no such directory, and the hub gave no such model ({_first_line(error)}); "
                "give a directory made by 'latentopt train', or a hub name like user/model"
            ) from error
        raise LatentoptError(
            f"{source}: this model cannot be loaded ({_first_line(error)}); train or copy it again"
        ) from error
    if wrong:
        raise LatentoptError(
            f"{source}: the weights do not fit the configuration ({wrong[0]} and {len(wrong) - 1} more); "
            "train or copy it again"
        )
    model.t5.set_attn_implementation(ATTENTION)
    return model, tokenizer


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]

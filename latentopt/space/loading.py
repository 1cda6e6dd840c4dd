"""Find and load the model of a space, whatever is wrong with it said in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from transformers import PreTrainedTokenizerBase

from latentopt.errors import LatentoptError, first_line
from latentopt.model import T5VAE, quantized
from latentopt.model.tokenizer import load_tokenizer

ATTENTION = "eager"  # for the short queries of writing, twice to seven times as fast as torch's fused attention
PATIENCE = 3.0  # seconds that the hub has to answer
FILES = ["*.json", "*.safetensors", "*.model", "*.txt"]  # of model, tokenizer, density, heads and directions
OTHERS = ["checkpoint-*"]  # of a training's folder that was uploaded whole


def located(name_or_path: str | Path) -> Path:
    """The directory of a model: the one named, or the local copy of what has that name on the Hugging Face hub.

    A copy holds heads/, directions/ and the density, too. It is brought up to date where the hub answers.

    Raises:
        LatentoptError: if there is no such directory, and the hub gives no such model.
    """
    path, name = Path(name_or_path), str(name_or_path)
    if path.is_dir():
        return path
    # What could be a hub name is one only where no such folder could be meant: a mistyped path is no question to ask.
    if path.is_absolute() or name.count("/") != 1 or path.parent.is_dir():
        raise LatentoptError(
            f"{name}: there is no such directory; a model is a directory made by 'latentopt train', "
            "or a hub name like user/model"
        )
    try:
        HfApi().repo_info(name, timeout=PATIENCE)  # a download has no such limit, and may wait for minutes
    except Exception as error:  # of the network, of its client, of the hub: whatever it is, an earlier copy will do
        try:
            return Path(snapshot_download(name, allow_patterns=FILES, ignore_patterns=OTHERS, local_files_only=True))
        except LocalEntryNotFoundError:
            raise LatentoptError(
                f"{name}: there is no such directory, and the hub gave no such model ({first_line(error)}); "
                "give a directory made by 'latentopt train', or a hub name like user/model"
            ) from error
    try:
        return Path(snapshot_download(name, allow_patterns=FILES, ignore_patterns=OTHERS))
    except Exception as error:
        raise LatentoptError(
            f"{name}: the hub has this model, and it could not be downloaded ({first_line(error)}); try again"
        ) from error


def load(folder: Path) -> tuple[T5VAE, PreTrainedTokenizerBase]:
    """Load a model in fp32 and its tokenizer from a directory.

    Raises:
        LatentoptError: if its files are missing, damaged or of another kind.
    """
    try:
        if (folder / quantized.FILE).exists():
            model, wrong = quantized.load_quantized(folder), []
        else:
            # Its types do not know that it returns two things when asked to report.
            loaded: Any = T5VAE.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
            model = loaded[0]
            wrong = sorted({str(key) for keys in loaded[1].values() for key in keys})
        tokenizer = load_tokenizer(folder)
    except Exception as error:  # transformers and safetensors raise many kinds for a damaged or missing file
        raise LatentoptError(
            f"{folder}: this model cannot be loaded ({first_line(error)}); train or copy it again"
        ) from error
    if wrong:
        raise LatentoptError(
            f"{folder}: the weights do not fit the configuration ({wrong[0]} and {len(wrong) - 1} more); "
            "train or copy it again"
        )
    config = model.config
    ends, wanted = (tokenizer.eos_token_id, tokenizer.pad_token_id), (config.eos_token_id, config.pad_token_id)
    if ends != wanted:
        raise LatentoptError(
            f"{folder}: the tokenizer does not fit the model (its end of a text and its padding are the tokens {ends}, "
            f"the model's {wanted}); train or copy it again"
        )
    model.t5.set_attn_implementation(ATTENTION)
    return model, tokenizer

"""A teacher's sentence embeddings: computed once for the texts of a run, and kept beside it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer

from latentopt.errors import LatentoptError
from latentopt.model.bf16 import bf16_is_fast
from latentopt.tables import atomic_write
from latentopt.training.starts import first_line

MOST_TOKENS = 128
BATCH = 64
SAID_EVERY = 20_000  # texts

log = logging.getLogger(__name__)


def embeddings_of(teacher: Path, texts: Sequence[str], *, cache: Path) -> NDArray[np.float16]:
    """Sentence embeddings of n texts, (n, e), of unit length: means of the last states over the tokens.

    Args:
        teacher: directory of a sentence-transformers model that pools by the mean.
        texts: n texts; of one beyond 128 tokens, the part within.
        cache: folder in which they are kept, and looked for before anything is computed.

    Raises:
        LatentoptError: if there is no such model, or it pools in another way.
    """
    file = cache / f"embeddings-{_digest(teacher, texts)}.npy"
    if file.exists():
        return np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))
    _check_pooling(teacher)
    try:
        model, tokenizer = AutoModel.from_pretrained(teacher).eval(), AutoTokenizer.from_pretrained(teacher)
    except Exception as error:  # transformers and safetensors raise many kinds for what is damaged or missing
        raise LatentoptError(f"{teacher}: no teacher could be loaded from there ({first_line(error)})") from error
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    out = np.zeros((len(texts), model.config.hidden_size), dtype=np.float16)
    order = np.argsort([len(text) for text in texts], kind="stable")
    for first in range(0, len(order), BATCH):
        rows = order[first : first + BATCH]
        read = tokenizer(
            [texts[i] for i in rows.tolist()],
            padding=True,
            pad_to_multiple_of=8,
            truncation=True,
            max_length=MOST_TOKENS,
            return_tensors="pt",
        ).to(device)
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=bf16_is_fast(device)):
            states = model(**read).last_hidden_state.float()
        mask = read["attention_mask"][..., None].float()
        out[rows] = F.normalize((states * mask).sum(1) / mask.sum(1), dim=1).cpu().numpy()
        if first // SAID_EVERY < (first + BATCH) // SAID_EVERY:
            log.info("%d of %d embeddings of the teacher", first + BATCH, len(texts))
    with atomic_write(file) as temporary:
        np.save(temporary, out)
    return out


def embedding_dim(teacher: Path) -> int:
    """Size of a teacher's embeddings.

    Raises:
        LatentoptError: if there is no such model.
    """
    try:
        return int(json.loads((teacher / "config.json").read_text())["hidden_size"])
    except (OSError, ValueError, KeyError) as error:
        raise LatentoptError(
            f"{teacher}: this is no directory of a sentence-transformers model ({first_line(error)})"
        ) from error


def _check_pooling(teacher: Path) -> None:
    for file in sorted(teacher.glob("*_Pooling/config.json")):
        pooling = json.loads(file.read_text())
        asked = [key for key, on in pooling.items() if key.startswith("pooling_mode_") and on is True]
        if asked != ["pooling_mode_mean_tokens"]:
            raise LatentoptError(f"{teacher}: the teacher must pool by the mean of its tokens, this one has {asked}")


def fingerprint(teacher: Path) -> str:
    """Identifies a teacher by its files, wherever they lie (SHA-256, hexadecimal)."""
    digest = hashlib.sha256()
    for file in sorted(path for path in teacher.glob("*") if path.suffix in (".json", ".safetensors", ".txt")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _digest(teacher: Path, texts: Sequence[str]) -> str:
    digest = hashlib.sha256(fingerprint(teacher).encode())
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()[:16]

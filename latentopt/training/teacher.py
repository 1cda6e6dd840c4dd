"""A teacher's sentence embeddings: each computed once, when a run first needs it, and kept beside the run."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer

from latentopt.errors import LatentoptError, first_line
from latentopt.model.bf16 import bf16_is_fast
from latentopt.tables import atomic_write
from latentopt.training.starts import fingerprint

MOST_TOKENS = 128
SAID = 100  # batches between two words about it
TOGETHER = 1024  # texts that are computed at once where many are
UNIT = 0.01  # what the length of a vector in half precision may differ from 1 by

log = logging.getLogger(__name__)


class TeacherEmbeddings:
    """Sentence embeddings of n texts, (n, e), of unit length: means of the last states over the tokens.

    Each is computed when it is first asked for, and kept in a file: a run that sees a tenth of its texts pays for a
    tenth, and the next run on the same texts for none of these.

    Args:
        teacher: directory of a sentence-transformers model that pools by the mean.
        texts: n texts; of one beyond 128 tokens, the part within.
        cache: folder in which they are kept.

    Raises:
        LatentoptError: if there is no such model, or it pools in another way.
    """

    def __init__(self, teacher: Path, texts: Sequence[str], *, cache: Path) -> None:
        _check_pooling(teacher)
        file = cache / f"embeddings-{_digest(teacher, texts)}.npy"
        if not file.exists():
            with atomic_write(file) as temporary:
                # Zeros take no room on the disk until they are written over.
                np.lib.format.open_memmap(
                    temporary, mode="w+", dtype=np.float16, shape=(len(texts), embedding_dim(teacher))
                ).flush()
        self.texts = texts
        self._kept = np.lib.format.open_memmap(file, mode="r+")
        self._teacher = teacher
        self._model: Any = None

    def __getitem__(self, rows: Sequence[int]) -> NDArray[np.float16]:
        """The embeddings of the texts of these numbers, (r, e)."""
        self._complete(rows)
        return np.asarray(self._kept[rows])

    def compute(self, rows: Sequence[int]) -> None:
        """Compute those of these numbers that are missing, texts of like lengths together.

        For processes that read them and cannot compute them: those that make batches beside one that uses a GPU.
        """
        by_length = sorted(rows, key=lambda i: len(self.texts[i]))
        for at in range(0, len(by_length), TOGETHER):
            if at % (SAID * TOGETHER) == 0:
                log.info("the teacher's embeddings: %d of %d texts", at, len(by_length))
            self._complete(by_length[at : at + TOGETHER])
        self._model = None

    def _complete(self, rows: Sequence[int]) -> None:
        known = np.abs(np.linalg.norm(self._kept[rows].astype(np.float32), axis=1) - 1) < UNIT
        if missing := [i for i, there in zip(rows, known, strict=True) if not there]:
            self._kept[missing] = self._computed([self.texts[i] for i in missing])

    @torch.no_grad()
    def _computed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if self._model is None:
            try:
                self._model = AutoModel.from_pretrained(self._teacher).eval().to(device)
                self._tokenizer = AutoTokenizer.from_pretrained(self._teacher)
            except Exception as error:  # transformers and safetensors raise many kinds for what is damaged or missing
                raise LatentoptError(
                    f"{self._teacher}: no teacher could be loaded from there ({first_line(error)})"
                ) from error
        read = self._tokenizer(
            list(texts),
            padding=True,
            pad_to_multiple_of=8,
            truncation=True,
            max_length=MOST_TOKENS,
            return_tensors="pt",
        ).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16_is_fast(device)):
            states = self._model(**read).last_hidden_state.float()
        mask = read["attention_mask"][..., None].float()
        found: NDArray[np.float32] = F.normalize((states * mask).sum(1) / mask.sum(1), dim=1).cpu().numpy()
        return found


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


def _digest(teacher: Path, texts: Sequence[str]) -> str:
    digest = hashlib.sha256(fingerprint(teacher).encode())
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()[:16]

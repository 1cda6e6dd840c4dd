"""Rows of causal data: each group is a pair of tweets of one author and link."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from latentopt.heads import Rows
from latentopt.space import LatentSpace

ENCODED_PAIRS = 3000


def wording_rows(data: Path, space: LatentSpace, *, seed: int) -> tuple[Rows, Rows]:
    """Both texts of each pair, 1 for the one that was retweeted more; rows with their latents, and rows without."""
    frame = pd.read_csv(data / "wording/train.csv", keep_default_na=False).sample(frac=1, random_state=seed)
    first = frame["more_retweeted"].astype(str).str.strip().isin(["first", "1"]).to_numpy(dtype=float)
    texts = [text for pair in zip(frame["first"], frame["second"], strict=True) for text in pair]
    values = np.stack([first, 1 - first], axis=1).ravel()
    groups = np.repeat(np.arange(len(frame)), 2)
    cut = 2 * ENCODED_PAIRS
    z = space.pooled(space.encode(texts[:cut])).double().numpy()
    encoded = Rows(z, texts[:cut], values[:cut], groups[:cut])
    return encoded, Rows(np.zeros((len(texts) - cut, 0)), texts[cut:], values[cut:], groups[cut:])

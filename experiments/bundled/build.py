"""From a trained T5-VAE to the bundled model: weights in few bits, density, heads, readers and directions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from latentopt.directions import edited_by, mine, readings_of
from latentopt.directions.leakage import Reading
from latentopt.editing import Effort
from latentopt.heads import Rows, fit_head
from latentopt.model.quantized import SMALL
from latentopt.space import LatentDensity, LatentSpace

# Encoding is what the time goes into; a head of 256 weights learns little more from more rows.
DENSITY_TEXTS, ROWS, LABELLED_ROWS = 10_000, 20_000, 8_000
DIRECTIONS = ("civil", "positive", "literal", "shakespeare", "standard_spelling")  # those that work on texts stay
PAIRS, LONGEST = 1_000, 110  # of a direction, and characters of their sources
HELD_OUT, EFFORT = 12, Effort(rounds=1, rows=16, beam=1, scored=8)  # realised edits of each, three strengths or more


def build(data: Path, trained: Path, output: Path, *, seed: int) -> dict[str, Any]:
    """Write the bundled model into `output`, an empty folder, and return what was measured of its parts.

    Args:
        data: the folder ../shared/data. trained: a model's directory. seed: of all draws.
    """
    LatentSpace.from_pretrained(trained).save_pretrained(output, precision=SMALL)
    space = LatentSpace.from_pretrained(output)  # with the digits that its users have
    tweets = pd.read_parquet(data / "tweets/train.parquet")
    drawn = tweets.sample(min(ROWS, len(tweets)), random_state=seed)
    others = tweets.drop(index=drawn.index)
    logging.info("encoding %d tweets", len(drawn))
    z = space.pooled(space.encode(drawn["text"].tolist()))
    space.density = LatentDensity.fit(z[:DENSITY_TEXTS])
    space.density.save_pretrained(output / "density.safetensors")

    found: dict[str, Any] = {}
    rows, more = (
        Rows(
            latents,
            part["text"].tolist(),
            part["likes"].to_numpy(dtype="float64"),
            part["account"].astype(str).to_numpy(dtype=object),
        )
        for part, latents in ((drawn, z.numpy().astype("float64")), (others, np.zeros((len(others), 0))))
    )
    found["likes"] = _fit("likes", rows, space, output, more=more, seed=seed)
    for name, labelled in LABELLED.items():
        found[name] = _fit(name, labelled(space, data, seed), space, output, seed=seed)
    readings = readings_of(space)
    (output / "directions").mkdir(exist_ok=True)
    for name in DIRECTIONS:
        found[name] = _mined(name, space, data, output, readings, seed=seed)
    return found


def _mined(
    name: str, space: LatentSpace, data: Path, output: Path, readings: dict[str, Reading], *, seed: int
) -> dict[str, Any]:
    """Mine a direction, keep it if its verdict is that it works on texts, and return what was measured."""
    pairs = pd.read_csv(data / f"pairs/{name}/train.csv", dtype=str, keep_default_na=False)
    pairs = pairs[pairs["source"].str.len().between(20, LONGEST)]
    pairs = pairs.sample(min(PAIRS, len(pairs)), random_state=seed)
    mined = mine(
        space,
        pairs["source"],
        pairs["target"],
        name=name,
        apply=edited_by(space, effort=EFFORT),
        calibrate_on=HELD_OUT,
        readings=readings,
        seed=seed,
    )
    if mined.verdict.works:
        mined.direction.save_pretrained(output / "directions" / f"{name}.safetensors")
    found = {"strength": mined.direction.strength, **mined.direction.statistics}
    logging.info("%s: %s: %s", name, mined.verdict.words, mined.verdict.reason)
    return found


def _fit(
    name: str, rows: Rows, space: LatentSpace, output: Path, *, more: Rows | None = None, seed: int
) -> dict[str, Any]:
    fitted = fit_head(rows, unencoded=more, seed=seed)
    fitted.save_pretrained(output / "heads" / name, name=name, space=space)
    logging.info("%s %s", name, fitted.report)
    return fitted.report


def _labelled(prefix: str) -> Callable[[LatentSpace, Path, int], Rows]:
    """Rows of the labelled tweets whose label begins with a prefix, the rest of it the class."""

    def read(space: LatentSpace, data: Path, seed: int) -> Rows:
        frame = pd.read_parquet(data / "tweets_labelled/train.parquet")
        frame = frame[frame["label"].str.startswith(prefix) & (frame["label"] != prefix)]  # one row has no class
        frame = frame.sample(min(LABELLED_ROWS, len(frame)), random_state=seed)
        z = space.pooled(space.encode(frame["text"].tolist())).numpy().astype("float64")
        return Rows(z, frame["text"].tolist(), frame["label"].str.removeprefix(prefix).to_numpy(dtype=object))

    return read


LABELLED = {"sentiment": _labelled("sentiment140_")}

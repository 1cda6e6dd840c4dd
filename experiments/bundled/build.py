"""From a trained T5-VAE to the bundled model: weights in few bits, density, heads, readers and directions."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from heads import SOURCES, TWEETS, draw, fit_heads

from latentopt.directions import edited_by, mine, pairs_typed_alike, readings_of
from latentopt.directions.leaks import LENGTH, Reading
from latentopt.editing import Effort
from latentopt.model.quantized import SMALL
from latentopt.space import LatentDensity, LatentSpace

DENSITY_TEXTS = 10_000
DIRECTIONS = ("civil", "positive", "literal", "shakespeare", "standard_spelling")  # those that work on texts stay
PAIRS, LONGEST = 1_000, 110  # of a direction, and characters of their sources
HELD_OUT = 12  # texts that are edited at three strengths or more
# Less than `latentopt apply` tries, which would take hours: the strengths are those that little effort works best with,
# and the model card says so.
LITTLE = Effort(rounds=1, rows=16, beam=1, scored=8)


def build(
    data: Path, trained: Path, output: Path, *, share: float = 1.0, effort: Effort = LITTLE, seed: int
) -> dict[str, Any]:
    """Write the bundled model into `output`, an empty folder, and return what was measured of its parts.

    Args:
        data: the folder ../shared/data. trained: a model's directory.
        share: of the rows that are encoded otherwise; less than 1 to try it. effort: of the edits that strengths are
            calibrated with; Effort() is that of `latentopt apply`. seed: of all draws.
    """
    LatentSpace.from_pretrained(trained).save_pretrained(output, precision=SMALL)
    space = LatentSpace.from_pretrained(output)  # with the digits that its users have
    found: dict[str, Any] = {}
    for source in SOURCES:
        drawn = draw(source, space, data, share=share, seed=seed)
        if source is TWEETS:
            space.density = LatentDensity.fit(torch.tensor(drawn.z[:DENSITY_TEXTS]).float())
            space.density.save_pretrained(output / "density.safetensors")
        found |= fit_heads(drawn, space, output, seed=seed)
    return found | mine_directions(space, data, output / "directions", share=share, effort=effort, seed=seed)


def mine_directions(
    space: LatentSpace,
    data: Path,
    output: Path,
    names: Sequence[str] = DIRECTIONS,
    *,
    share: float = 1.0,
    effort: Effort = LITTLE,
    seed: int,
) -> dict[str, Any]:
    """Write the directions of these names that work on texts into a folder; all else is as for `build`."""
    readings = readings_of(space)
    output.mkdir(exist_ok=True)
    return {name: _mined(name, space, data, output, readings, share=share, effort=effort, seed=seed) for name in names}


def _mined(
    name: str,
    space: LatentSpace,
    data: Path,
    output: Path,
    readings: dict[str, Reading],
    *,
    share: float,
    effort: Effort,
    seed: int,
) -> dict[str, Any]:
    """Mine a direction, keep it if its verdict is that it works on texts, and return what was measured."""
    pairs = pd.read_csv(data / f"pairs/{name}/train.csv", dtype=str, keep_default_na=False)
    pairs = pairs[pairs["source"].str.len().between(20, LONGEST)]
    pairs = pairs.sample(min(max(30, int(share * PAIRS)), len(pairs)), random_state=seed)
    # One side of most collections is tokenised and lowercased: what a direction would be about most.
    source, target = pairs_typed_alike(pairs["source"], pairs["target"])
    mined = mine(
        space,
        source,
        target,
        name=name,
        apply=edited_by(space, effort=effort),
        calibrate_on=HELD_OUT,
        readings=readings,
        clear=[LENGTH],
        seed=seed,
    )
    if mined.verdict.works:
        mined.direction.save_pretrained(output / f"{name}.safetensors")
    found = {"strength": mined.direction.strength, **mined.direction.statistics}
    logging.info("%s: %s: %s", name, mined.verdict.words, mined.verdict.reason)
    return found

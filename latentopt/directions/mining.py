"""mine(): from pairs of texts to a direction, with what is known of it."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from latentopt.directions.direction import Direction
from latentopt.directions.mean_difference import Miner, mean_difference, paired
from latentopt.directions.shrunk_difference import ShrunkDifference
from latentopt.directions.split import folds_by_source, source_ids
from latentopt.directions.statistics import Consistency, consistency
from latentopt.directions.strength import Apply, Calibration, calibrate
from latentopt.errors import LatentoptError
from latentopt.space.texts import checked_texts

if TYPE_CHECKING:
    from latentopt.space import LatentSpace

CALIBRATION_TEXTS = 8  # each is edited at every strength, which takes seconds


@dataclass(frozen=True)
class Example:
    """A held-out source, its edit at the chosen strength, and the target of its pair."""

    source: str
    edited: str
    target: str


@dataclass(frozen=True)
class Mining:
    """What `mine` found.

    Attributes:
        direction: fitted to all pairs, with the calibrated strength and the statistics.
        consistency: of held-out pairs, each against the direction fitted to the others.
        calibration: on held-out sources, with the direction fitted to the others.
        examples: edits of held-out sources by that same direction.
    """

    direction: Direction
    consistency: Consistency
    calibration: Calibration
    examples: list[Example]


def mine(
    space: LatentSpace,
    source: Collection[str],
    target: Collection[str],
    *,
    name: str,
    fold: Tensor | None = None,
    miner: Miner | None = None,
    apply: Apply | None = None,
    calibrate_on: int = CALIBRATION_TEXTS,
    permutations: int = 1000,
    seed: int = 0,
    examples: int = 10,
) -> Mining:
    """Mine a direction from pairs of texts that differ in one way.

    Args:
        space: the latent space.
        source: n texts.
        target: their n partners.
        name: of the direction.
        fold: fold in which each pair is held out, shape (n,), -1 for never; None deals them into five, sources kept
            together. Strength and examples come from the first fold.
        miner: fits the direction; None takes `default_miner(space)`.
        apply: how texts are edited along a direction, see `calibrate`.
        calibrate_on: held-out sources at most, each of which is edited at every strength.
        permutations: draws of the permutation test.
        seed: of folds, draws and the choice of examples.
        examples: how many held-out edits to return.

    Raises:
        LatentoptError: if the two sides differ in number, if there are too few sources to hold some out, or if a
            text is empty.
    """
    source, target = checked_texts(source), checked_texts(target)
    if len(source) != len(target):
        raise LatentoptError(f"pairs need a target for every source, got {len(source)} sources, {len(target)} targets")
    group = source_ids(source)
    if fold is None:
        fold = folds_by_source(group, seed=seed)
    texts = list(dict.fromkeys([*source, *target]))  # a source with several targets is encoded once
    place = {text: i for i, text in enumerate(texts)}
    z = space.pooled(space.encode(texts))
    z_source, z_target = z[[place[text] for text in source]], z[[place[text] for text in target]]

    difference = z_target - z_source
    miner = default_miner(space) if miner is None else miner

    found = consistency(difference, group=group, fold=fold, miner=miner, permutations=permutations, seed=seed)
    held_out = fold == fold[fold >= 0].min()
    rows = _one_a_source(held_out, group, seed=seed)[:calibrate_on]
    others = _fit(miner, difference[~held_out], group[~held_out])
    calibration = calibrate(space, others, [source[i] for i in rows], apply=apply)
    direction = Direction(
        _fit(miner, difference, group),
        name=name,
        space=space.fingerprint,
        strength=calibration.strength,
        statistics={
            "pairs": len(source),
            "sources": int(group.max()) + 1,
            "miner": getattr(miner, "__name__", type(miner).__name__),
            "consistency": found.to_json(),
            "strengths": calibration.to_json(),
        },
    )
    edits = zip(rows, calibration.edits, strict=True)
    return Mining(
        direction, found, calibration, [Example(source[i], edited, target[i]) for i, edited in edits][:examples]
    )


def default_miner(space: LatentSpace) -> Miner:
    """ShrunkDifference with the covariance of the space's density; the mean difference where there is no density."""
    try:
        return ShrunkDifference(space.density.covariance)
    except LatentoptError as error:
        why = str(error).partition(";")[0]
        warnings.warn(f"{why}: the plain mean difference is taken, which needs more pairs", stacklevel=3)
        return mean_difference


def _fit(miner: Miner, difference: Tensor, group: Tensor) -> Tensor:
    mean, noise = paired(difference, sources=len(group.unique()))
    return miner(mean[None], noise[None])[0]


def _one_a_source(held_out: Tensor, group: Tensor, *, seed: int) -> list[int]:
    """Draw pairs of different sources from those held out (n,)."""
    order = torch.randperm(len(group), generator=torch.Generator().manual_seed(seed)).tolist()
    first = {int(group[i]): i for i in reversed(order) if held_out[i]}
    kept = set(first.values())
    return [i for i in order if i in kept]

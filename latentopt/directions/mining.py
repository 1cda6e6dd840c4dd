"""mine(): from example texts to a direction, with what is known of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentopt.directions.direction import Direction
from latentopt.directions.examples import Examples
from latentopt.directions.leaks import LENGTH, Leak, Reading, cleared, leakage, length_reading
from latentopt.directions.miners.miner import Fit, Miner
from latentopt.directions.miners.shrunk import Shrunk
from latentopt.directions.pairs import Usable, usable_pairs, usable_texts
from latentopt.directions.reader import StyleReader, fit_style_reader
from latentopt.directions.resampling import CurveRow, Stability, learning_curve, stability
from latentopt.directions.split import Folds, folds_by_source, folds_by_text, halves, related, source_ids
from latentopt.directions.statistics import Consistency, consistency
from latentopt.directions.strength import Apply, Calibration, calibrate
from latentopt.directions.verdict import Verdict, verdict
from latentopt.errors import LatentoptError

if TYPE_CHECKING:
    from latentopt.space import LatentSpace

CALIBRATION_TEXTS = 8  # each is edited at every strength, which takes seconds
FEWEST_TO_READ = 8  # texts of each kind, of which a reader is fitted


@dataclass(frozen=True)
class Example:
    """A held-out source, its edit at the chosen strength, and the target of its pair; None where it has none."""

    source: str
    edited: str
    target: str | None


@dataclass(frozen=True)
class Mining:
    """What `mine` and `mine_labelled` found.

    Attributes:
        direction: fitted to all examples, with the calibrated strength, the statistics and a reader.
        usable: what was learned from, and what was left out.
        consistency: of held-out examples, each against the direction fitted to the others.
        stability: how surely the direction is known. curve: what fewer examples would have done.
        calibration: on held-out sources, with the direction and the reader fitted to the others.
        leakage: what else moves, in latents and in the edits.
        reads: share of held-out pairs whose target a reader of the others finds more like a target than its source; of
            texts that are no pairs, of all pairs of both kinds. None where there are too few texts for a reader.
        examples: edits of held-out sources by that same direction.
        verdict: what the direction is good for.
    """

    direction: Direction
    usable: Usable
    consistency: Consistency
    stability: Stability
    curve: list[CurveRow]
    calibration: Calibration
    leakage: list[Leak]
    reads: float | None
    examples: list[Example]
    verdict: Verdict


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
    readings: Mapping[str, Reading] | None = None,
    clear: Collection[str] = (),
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
        miner: fits the direction; None takes `Shrunk.for_space(space)`.
        apply: how texts are edited along a direction, see `calibrate`.
        calibrate_on: held-out sources at most, each of which is edited at every strength.
        permutations: draws of the permutation test.
        readings: other properties that are watched for leakage, beside the length of the text.
        clear: names of readings, or "length", that the direction shall not change; see `cleared`.
        seed: of folds, draws and the choice of examples.
        examples: how many held-out edits to return.

    Raises:
        LatentoptError: if the two sides differ in number, if no pair is usable, if there are too few sources to hold
            some out, or if a text is empty.
    """
    usable = usable_pairs(space, source, target)
    group = source_ids(usable.source)
    if fold is None:
        fold = folds_by_source(group, seed=seed)
    else:
        pairs, kept = (list(zip(*sides, strict=True)) for sides in ((source, target), (usable.source, usable.target)))
        fold = _of_usable(fold, pairs, kept, "pair")
    work = _Mine(space, usable, group, Folds(fold, fold), miner, seed)
    return work.mined(name, apply, calibrate_on, permutations, readings or {}, clear, examples)


def mine_labelled(
    space: LatentSpace,
    source: Collection[str],
    target: Collection[str],
    *,
    name: str,
    fold: tuple[Tensor, Tensor] | None = None,
    miner: Miner | None = None,
    apply: Apply | None = None,
    calibrate_on: int = CALIBRATION_TEXTS,
    permutations: int = 1000,
    readings: Mapping[str, Reading] | None = None,
    clear: Collection[str] = (),
    seed: int = 0,
    examples: int = 10,
) -> Mining:
    """Mine a direction from n texts without an attribute and m texts with it, which are no pairs.

    What else the two kinds differ by, such as what they are about, is in the direction, too: look at the leakage.

    Args:
        space: the latent space. source: n texts without it. target: m texts with it.
        fold: folds in which the texts of each side are held out, shapes (n,) and (m,). All else is as for `mine`.

    Raises:
        LatentoptError: if a side has no usable text, or too few to hold some out, or if a text is empty.
    """
    usable = usable_texts(space, source, target)
    kept = usable.source, usable.target
    if fold is None:
        folds = Folds(*(folds_by_text(len(side), seed=seed) for side in kept))
    else:
        sides = zip(fold, (source, target), kept, strict=True)
        folds = Folds(*(_of_usable(each, given, usable_ones, "text") for each, given, usable_ones in sides))
    work = _Mine(space, usable, None, folds, miner, seed)
    return work.mined(name, apply, calibrate_on, permutations, readings or {}, clear, examples)


def _of_usable(fold: Tensor, given: Collection[Any], usable: Collection[Any], what: str) -> Tensor:
    """The folds of those given (n,) that are usable, by what they are."""
    if len(fold) != len(given):
        raise LatentoptError(f"each {what} needs its fold, got {len(given)} {what}s and {len(fold)} folds")
    known = dict(zip(given, fold.tolist(), strict=True))
    return torch.tensor([known[one] for one in usable])


def read_by(usable: Usable, sources: Tensor, targets: Tensor, *, paired: bool) -> StyleReader | None:
    """A reader of some rows of both sides, booleans; None where they hold fewer than 8 texts of a kind."""
    kept = [
        [text for text, keep in zip(side, rows.tolist(), strict=True) if keep]
        for side, rows in ((usable.source, sources), (usable.target, targets))
    ]
    # A text once, and what it belongs to.
    sides = [
        dict(zip(side, numbers.tolist(), strict=True))
        for side, numbers in zip(kept, related(*kept, paired=paired), strict=True)
    ]
    if min(map(len, sides)) < FEWEST_TO_READ:
        return None
    texts, groups = [list(side) for side in sides], [list(side.values()) for side in sides]
    return fit_style_reader(*texts, groups=(groups[0], groups[1]))


class _Mine:
    """Texts that a direction is mined from, their latents, and what is held out."""

    def __init__(
        self, space: LatentSpace, usable: Usable, group: Tensor | None, folds: Folds, miner: Miner | None, seed: int
    ) -> None:
        self.space, self.usable, self.folds, self.seed = space, usable, folds, seed
        self.miner = Shrunk.for_space(space) if miner is None else miner
        texts = list(dict.fromkeys([*usable.source, *usable.target]))  # a source with several targets is encoded once
        place = {text: i for i, text in enumerate(texts)}
        self.z = space.pooled(space.encode(texts))
        source, target = (self.z[[place[text] for text in side]] for side in (usable.source, usable.target))
        self.examples = Examples(source, target, group, space.fingerprint)
        self.lengths = length_reading(self.z, space.lengths(texts))

    def mined(
        self,
        name: str,
        apply: Apply | None,
        calibrate_on: int,
        permutations: int,
        readings: Mapping[str, Reading],
        clear: Collection[str],
        shown: int,
    ) -> Mining:
        readings = {**readings, LENGTH: self.lengths}
        if unknown := [reading for reading in clear if reading not in readings]:
            raise LatentoptError(
                f"a direction can be cleared of {', '.join(readings)}, got {', '.join(unknown)}; name one of these"
            )
        fit = self._clearing({reading: readings[reading] for reading in clear})
        kept, out = self.folds.parts(self.folds.held[0])
        others, held = self.examples.take(*kept), self.examples.take(*out)
        found = consistency(self.examples, self.folds, miner=fit, permutations=permutations, seed=self.seed)
        # The editor's reader learns from one half, the judge from the other: the judge has no part in the edits.
        paired = self.examples.group is not None
        reader, judge = (read_by(self.usable, *half, paired=paired) for half in halves(*kept, self.examples.group))
        fitted = replace(fit(others), name=name, reader=reader)
        rows = self._held_out(out[0])[:calibrate_on]
        sources = [self.usable.source[i] for i in rows]
        calibration = calibrate(self.space, fitted, sources, apply=apply, judge=judge)
        leaks = self._leaks(fitted, readings, held, sources, calibration.edits)
        judged = verdict(
            found,
            sources,
            calibration.edits,
            judge=judge,
            ordered=None if judge is None else self._ordered(judge, out),
        )
        whole = read_by(self.usable, *kept, paired=paired)
        mining = Mining(
            direction=replace(
                fit(self.examples),
                name=name,
                strength=calibration.strength,
                reader=read_by(self.usable, *map(torch.ones_like, kept), paired=paired),
            ),
            usable=self.usable,
            consistency=found,
            stability=stability(self.examples, fit, seed=self.seed),
            curve=learning_curve(others, held, fit, seed=self.seed),
            calibration=calibration,
            leakage=leaks,
            reads=None if whole is None else self._ordered(whole, out),
            examples=[
                Example(self.usable.source[i], edit, self._partner(i))
                for i, edit in zip(rows, calibration.edits, strict=True)
            ][:shown],
            verdict=judged,
        )
        return replace(mining, direction=replace(mining.direction, statistics=self._statistics(mining, clear)))

    def _statistics(self, found: Mining, clear: Collection[str]) -> dict[str, Any]:
        group = self.examples.group
        counted = (
            {"texts": len(self.usable.source) + len(self.usable.target), "sources": len(self.usable.source)}
            if group is None
            else {"pairs": len(group), "sources": int(group.max()) + 1}
        )
        return {
            **counted,
            "usable": self.usable.to_json(),
            "miner": type(self.miner).__name__,
            "cleared": list(clear),
            "consistency": found.consistency.to_json(),
            "stability": found.stability.to_json(),
            "curve": [row.to_json() for row in found.curve],
            "strengths": found.calibration.to_json(),
            "leakage": [leak.to_json() for leak in found.leakage],
            "reads": found.reads,
            "verdict": found.verdict.to_json(),
            "seed": self.seed,
        }

    def _clearing(self, unwanted: Mapping[str, Reading]) -> Fit:
        """The miner, whose directions change none of these."""
        if not unwanted:
            return self.miner
        covariance = covariance_of(self.space, self.z)
        return lambda examples: cleared(self.miner(examples), unwanted, examples.source, covariance)

    def _ordered(self, reader: StyleReader, out: tuple[Tensor, Tensor]) -> float:
        """Share of held-out pairs whose target a reader finds more like a target; of no pairs, each with each."""
        source, target = (
            reader.predict_score([side[i] for i in rows.nonzero()[:, 0].tolist()])
            for side, rows in zip((self.usable.source, self.usable.target), out, strict=True)
        )
        if self.examples.group is None:
            return share_above(target, source)
        return float(np.mean(target > source) + np.mean(target == source) / 2)

    def _held_out(self, held: Tensor) -> list[int]:
        """Draw held-out rows (n,) of different sources."""
        group = torch.arange(len(held)) if self.examples.group is None else self.examples.group
        order = torch.randperm(len(held), generator=torch.Generator().manual_seed(self.seed)).tolist()
        first = {int(group[i]): i for i in reversed(order) if held[i]}
        kept = set(first.values())
        return [i for i in order if i in kept]

    def _partner(self, row: int) -> str | None:
        return None if self.examples.group is None else self.usable.target[row]

    def _leaks(
        self,
        direction: Direction,
        readings: Mapping[str, Reading],
        held: Examples,
        sources: list[str],
        edits: list[str],
    ) -> list[Leak]:
        differs = [(a, b) for a, b in zip(sources, edits, strict=True) if a != b and b.strip()]
        if not differs:
            return leakage(direction, readings, held.source, among=self.z)
        before, after = ([pair[side] for pair in differs] for side in (0, 1))
        moved = self.space.pooled(self.space.encode(before)), self.space.pooled(self.space.encode(after))
        lengths = torch.tensor(self.space.lengths(before)), torch.tensor(self.space.lengths(after))
        return leakage(direction, readings, held.source, among=self.z, edits=moved, counted={LENGTH: lengths})


def share_above(above: NDArray[np.float64], below: NDArray[np.float64]) -> float:
    """Share of all n x m pairs in which the first (n,) is above the second (m,), a tie being half: the AUC."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score([True] * len(above) + [False] * len(below), np.concatenate([above, below])))


def covariance_of(space: LatentSpace, z: Tensor) -> Tensor:
    """Covariance (d, d) of a space's latents; where it has no density, that of latents z (n, d)."""
    try:
        return space.density.covariance
    except LatentoptError:
        return torch.cov(z.T)

"""StyleReader: tells targets from sources by their words, and never sees a latent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentopt.errors import LatentoptError

if TYPE_CHECKING:
    from property_models import PropertyModel

BITS = 14  # of the hashes, for words and for characters: 64 KiB in bytes, enough for some thousand pairs
PARTS = 4
LEAST_UNIT = 0.1  # log-odds between sources and targets: a reader that tells them apart by less tells nothing


@dataclass(frozen=True, eq=False)
class StyleReader:
    """The second opinion on an edit along a direction, in the direction's own unit.

    Its estimator is a logistic regression on hashed words and characters (`latentopt.heads.reader`). `unit` log-odds
    are what targets have more than their sources on average, so that a text has gained 1 where it reads as much more
    like a target as people's targets do. It belongs to its direction and is kept in its file.

    Args:
        estimator: of the classes "source" and "target", fitted on `counted(texts, bits=BITS)`.
        unit: log-odds of one strength, above 0.
    """

    estimator: PropertyModel
    unit: float

    def predict_score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """How much n texts read like targets, (n,): log-odds in units; above 0, more like a target than a source."""
        return log_odds(self.estimator, texts) / self.unit

    def predict(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The same: the value of a move along a direction is its score."""
        return self.predict_score(texts)


def fit_style_reader(
    source: Sequence[str], target: Sequence[str], *, groups: tuple[Sequence[int], Sequence[int]] | None = None
) -> StyleReader:
    """Fit a reader to n sources and m targets.

    Its unit is what cross-fitting finds between texts that it has not seen (four parts, each read by the reader of the
    others): on texts that it has learned, a reader is too sure of itself.

    Args:
        source, target: texts. groups: number of what each text belongs to, on both sides: such texts, as a source and
        its targets, are in one part, for a reader that has learned a text of what it is about as a source takes
        another of that for a source as well. None: each part has every fourth text of each side.

    Raises:
        LatentoptError: if a side has fewer than four texts.
    """
    if min(len(source), len(target)) < 4:
        raise LatentoptError(
            f"a style reader needs four texts or more on each side, got {len(source)} and {len(target)}"
        )
    in_turn = [np.arange(len(side)) for side in (source, target)]
    dealt = in_turn if groups is None else _dealt(groups)
    gaps = _gaps(source, target, dealt) or _gaps(source, target, in_turn)  # where nearly all belong together
    return StyleReader(_fitted(source, target), max(LEAST_UNIT, float(np.mean(gaps))))


def _dealt(groups: tuple[Sequence[int], Sequence[int]]) -> list[NDArray[np.int64]]:
    """The groups of both sides, numbered in the order in which they come."""
    number: dict[int, int] = {}
    return [np.array([number.setdefault(group, len(number)) for group in side]) for side in groups]


def _gaps(source: Sequence[str], target: Sequence[str], dealt: Sequence[NDArray[np.int64]]) -> list[float]:
    """Log-odds that targets have more than sources, by readers of the other parts; of parts that have both kinds."""
    gaps = []
    for part in range(PARTS):
        out = [numbers % PARTS == part for numbers in dealt]
        if any(held.all() or not held.any() for held in out):
            continue
        sides = [np.array(side, dtype=object) for side in (source, target)]
        estimator = _fitted(*(side[~held].tolist() for side, held in zip(sides, out, strict=True)))
        before, after = (log_odds(estimator, side[held].tolist()).mean() for side, held in zip(sides, out, strict=True))
        gaps.append(float(after - before))
    return gaps


def log_odds(estimator: PropertyModel, texts: Sequence[str]) -> NDArray[np.float64]:
    """Log-odds (n,) by which an estimator of two classes takes texts for targets."""
    from latentopt.heads.reader import counted

    return estimator.predict_score(counted(texts, bits=BITS))


def _fitted(source: Sequence[str], target: Sequence[str]) -> PropertyModel:
    from latentopt.heads.reader import counted, fit_estimator, reader_estimator
    from latentopt.heads.rows import Rows

    texts = [*source, *target]
    labels = np.array(["source"] * len(source) + ["target"] * len(target))
    estimator = reader_estimator(labels, scale="identity", seed=0)
    rows = Rows(np.zeros((len(texts), 0)), texts, labels)
    return fit_estimator(estimator, rows, counted(texts, bits=BITS))

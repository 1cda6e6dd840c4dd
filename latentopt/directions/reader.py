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


def fit_style_reader(source: Sequence[str], target: Sequence[str]) -> StyleReader:
    """Fit a reader to n sources and m targets.

    Its unit is what cross-fitting finds between texts that it has not seen (four parts, each read by the reader of the
    others): on texts that it has learned, a reader is too sure of itself.

    Raises:
        LatentoptError: if a side has fewer than four texts.
    """
    if min(len(source), len(target)) < 4:
        raise LatentoptError(
            f"a style reader needs four texts or more on each side, got {len(source)} and {len(target)}"
        )
    gaps = []
    for part in range(PARTS):
        estimator = _fitted(*([text for i, text in enumerate(side) if i % PARTS != part] for side in (source, target)))
        before, after = (log_odds(estimator, side[part::PARTS]).mean() for side in (source, target))
        gaps.append(float(after - before))
    return StyleReader(_fitted(source, target), max(LEAST_UNIT, float(np.mean(gaps))))


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

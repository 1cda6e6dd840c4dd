"""Head and reader together: the value that is shown.

Each knows what the other does not: a latent what a text is about, its words how it is put. Their two opinions are
vectors like any others, and a small head fitted to them weighs them (Wolpert 1992, "Stacked generalization"), on rows
that neither had seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

import property_models as pm
from latentopt.heads.reader import Opinion, Reader, fit_estimator
from latentopt.heads.rows import FOLDS, Rows, fit_to, folds
from latentopt.heads.storage import read_head, save_head
from property_models.base import Classifier, ClassView, Regressor

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from torch import Tensor

OPINIONS = "opinions of head and reader"  # in the place of a space's fingerprint
ENOUGH_ROWS = 20_000  # from here on, one fifth of the rows is enough to weigh two opinions
ALPHA = 1e-3


class Stacked:
    """What a head and its reader say together; its methods are theirs, of latents and texts.

    Args:
        head: fitted on latents. reader: fitted on the texts of the same rows.
        estimator: fitted on `opinions`, or one class of it.
    """

    def __init__(self, head: Regressor | Classifier, reader: Reader, estimator: Opinion) -> None:
        self.head = head
        self.reader = reader
        self.estimator = estimator

    @property
    def name(self) -> str | None:
        """The property."""
        return self.estimator.name

    def opinions(self, z: Tensor, texts: Sequence[str]) -> NDArray[np.float64]:
        """What head and reader say of pooled latents (n, m) and their texts: (n, 2 * outputs)."""
        return np.hstack([self.head.outputs(z.double().numpy()), self.reader.outputs(texts)])

    def predict(self, z: Tensor, texts: Sequence[str]) -> NDArray[Any]:
        """Values (n,) of pooled latents (n, m) and their n texts: numbers, labels, or probabilities of one class."""
        return self.estimator.predict(self.opinions(z, texts))

    def predict_score(self, z: Tensor, texts: Sequence[str]) -> NDArray[np.float64]:
        """Scores (n,), on the scale of the head's; raises as its."""
        return self.estimator.predict_score(self.opinions(z, texts))

    def predict_proba(self, z: Tensor, texts: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities (n, classes); raises HeadError for numbers."""
        if not isinstance(self.estimator, Classifier):
            raise pm.HeadError("classes are asked for, but this property is a number, or one class already")
        return self.estimator.predict_proba(self.opinions(z, texts))

    def interval(self, z: Tensor, texts: Sequence[str], *, level: float = 0.9) -> NDArray[np.float64]:
        """Values (n, 2) between which a share `level` of new rows lies; raises as the head's."""
        return self.estimator.interval(self.opinions(z, texts), level=level)

    def percentile(self, z: Tensor, texts: Sequence[str]) -> NDArray[np.float64]:
        """Share (n,) of the texts that were fitted to for which less is predicted, whoever wrote them."""
        opinion = self.estimator.second if isinstance(self.estimator, Classifier) else self.estimator
        return opinion.percentile(self.opinions(z, texts))

    @property
    def has_interval(self) -> bool:
        """Whether there is an `interval`."""
        return self.estimator.has_interval

    @property
    def typical(self) -> float | None:
        """The value of the group that is predicted for; None without groups."""
        return self.estimator.typical

    def with_typical(self, value: float) -> Stacked:
        """A copy that predicts for a group with this typical value; raises as the head's."""
        if not isinstance(self.estimator, Regressor):
            raise pm.HeadError("a typical value is one of numbers, but this property is one of classes")
        return Stacked(self.head, self.reader, self.estimator.with_typical(value))

    def for_class(self, label: Any) -> Stacked:
        """One class: its log-odds are scores, its probability is the value."""
        if not isinstance(self.estimator, Classifier):
            raise pm.HeadError("a class is asked for, but this property is a number, or one class already")
        return Stacked(self.head, self.reader, self.estimator.for_class(label))

    def save_pretrained(self, directory: str | Path, *, name: str) -> None:
        """Write stacked.json and stacked.safetensors beside the head and the reader."""
        if isinstance(self.estimator, ClassView):
            raise pm.HeadError("one class is no property of its own on disk; save the whole")
        save_head(self.estimator, directory, name=name, space=OPINIONS, stem="stacked")

    @classmethod
    def from_pretrained(cls, directory: str | Path, head: Regressor | Classifier, reader: Reader) -> Self:
        """Read what `save_pretrained` wrote; raises as `read_head`."""
        return cls(head, reader, read_head(directory, space=OPINIONS, stem="stacked"))


def fit_stacked(
    head: Regressor | Classifier,
    reader: Reader,
    rows: Rows,
    counts: csr_matrix,
    *,
    more: tuple[Rows, csr_matrix] | None = None,
    seed: int,
) -> Stacked:
    """Weigh a head and a reader by how copies of them, fitted to four fifths of the rows, do on the others.

    Of 20,000 rows or more, one fifth is predicted; of fewer, each in its turn.

    Args:
        head, reader: fitted to the rows. rows, counts: that is, none of those that will measure them.
        more: rows and counts that the reader alone was fitted to, too.
        seed: of the fifths.
    """
    fold = folds(rows, seed=seed + 1)
    outside, opinions = [], []
    for part in range(1 if len(rows) >= ENOUGH_ROWS else FOLDS):
        inner, outer = np.flatnonzero(fold != part), np.flatnonzero(fold == part)
        learned = rows.take(inner)
        latents = fit_to(clone(head), learned).outputs(rows.z[outer])
        read = with_more(learned, counts[inner], more)
        words = fit_estimator(clone(reader.estimator), *read).outputs(counts[outer])
        opinions.append(np.hstack([latents, words]))
        outside.append(outer)
    held = replace(rows.take(np.concatenate(outside)), z=np.concatenate(opinions))
    if isinstance(head, Classifier):
        return Stacked(head, reader, fit_to(pm.LogisticHead(alpha=ALPHA), held))
    estimator = fit_to(pm.RidgeHead(alpha=ALPHA, positive=True, scale=head.scale, random_state=seed), held)
    estimator.offset_ = head.offset_  # the typical value is that of all rows
    return Stacked(head, reader, estimator)


def with_more(rows: Rows, counts: csr_matrix, more: tuple[Rows, csr_matrix] | None) -> tuple[Rows, csr_matrix]:
    """What a reader learns from: rows and their counts, and more of both."""
    from scipy.sparse import csr_matrix, vstack

    others, other_counts = more if more is not None else (None, None)
    both = counts if other_counts is None else csr_matrix(vstack([counts, other_counts]))
    return rows.read_with(others), both

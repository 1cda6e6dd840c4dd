"""Head and reader together: the value that is shown.

Each knows what the other does not: a latent what a text is about, its words how it is put. Their two opinions are
vectors like any others, and a small head fitted to them weighs them (Wolpert 1992, "Stacked generalization"), on rows
that neither had seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from torch import Tensor

from latentopt.heads.opinion import Opinion
from latentopt.heads.reader import Reader, fit_estimator
from latentopt.heads.rows import Rows
from latentopt.heads.splits import FOLDS, Split, at_random, without
from latentopt.heads.storage import read_head, save_head
from property_models import Head, PropertyModel

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

OPINIONS = "opinions of head and reader"  # in the place of a space's fingerprint
ENOUGH_ROWS = 20_000  # from here on, those that the reader alone learns from included, one fifth is enough for weights
ROWS_OF_AN_OPINION = 100  # a fifth is enough if it has so many rows for each number that is said


class Stacked(Opinion[Tensor, Sequence[str]]):
    """What a head and its reader say together, of latents and texts.

    Args:
        head: fitted on latents. reader: fitted on the texts of the same rows.
        estimator: fitted on the opinions of both, or one class of it.
    """

    def __init__(self, head: Head, reader: Reader, estimator: Head) -> None:
        super().__init__(estimator)
        self.head = head
        self.reader = reader

    def vectors(self, z: Tensor, texts: Sequence[str]) -> NDArray[np.float64]:
        """What both say of pooled latents (n, m) and their texts: (n, outputs of the head and of the reader)."""
        return np.hstack([self.head.outputs(z.double().numpy()), self.reader.outputs(texts)])

    def save_pretrained(self, directory: str | Path, *, name: str) -> None:
        """Write stacked.json and stacked.safetensors beside the head and the reader."""
        save_head(self.estimator, directory, name=name, space=OPINIONS, stem="stacked")

    @classmethod
    def from_pretrained(cls, directory: str | Path, head: Head, reader: Reader) -> Self:
        """Read what `save_pretrained` wrote; raises as `read_head`."""
        return cls(head, reader, read_head(directory, space=OPINIONS, stem="stacked"))


def fit_stacked(
    head: PropertyModel,
    reader: Reader,
    rows: Rows,
    counts: csr_matrix,
    *,
    more: tuple[Rows, csr_matrix] | None = None,
    split: Split = at_random,
    seed: int,
) -> Stacked:
    """Weigh a head and a reader by how copies of them, fitted to four fifths of the rows, do on the others.

    Of 20,000 rows or more, one fifth of `rows` is predicted; of fewer, each in its turn.

    Args:
        head, reader: fitted to the rows. rows, counts: that is, none of those that will measure them.
        more: rows and counts that the reader alone was fitted to, too.
        split: into the fifths. seed: of it.
    """
    fold = split(rows, seed + 1)
    outside, opinions = [], []
    learned_from = len(rows) + (0 if more is None else len(more[0]))
    opinions_of_a_row = 2 * max(1, len(head.classes))
    enough = learned_from >= ENOUGH_ROWS and len(rows) // FOLDS >= ROWS_OF_AN_OPINION * opinions_of_a_row
    for part in range(1 if enough else FOLDS):
        inner, outer = np.flatnonzero(fold != part), np.flatnonzero(fold == part)
        learned, measured = without(rows, fold, part)
        latents = learned.fit(clone(head)).outputs(measured.z)
        read = with_more(learned, counts[inner], more)
        words = fit_estimator(clone(reader.estimator), *read).outputs(counts[outer])
        opinions.append(np.hstack([latents, words]))
        outside.append(outer)
    held = replace(rows.take(np.concatenate(outside)), z=np.concatenate(opinions))
    return Stacked(head, reader, held.fit(head.weigher()).with_levels_of(head))  # levels are those of all rows


def with_more(rows: Rows, counts: csr_matrix, more: tuple[Rows, csr_matrix] | None) -> tuple[Rows, csr_matrix]:
    """What a reader learns from: rows and their counts, and more of both."""
    from scipy.sparse import csr_matrix, vstack

    others, other_counts = more if more is not None else (None, None)
    both = counts if other_counts is None else csr_matrix(vstack([counts, other_counts]))
    return rows.read_with(others), both

"""Splits: which rows a head learns from, and which measure it. A split is a function, and a new one is one here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentopt.errors import LatentoptError

if TYPE_CHECKING:
    from latentopt.heads.rows import Rows

FOLDS = 5
GROUPED_CLASSES = "classes have no levels of groups; --split group holds whole groups out, or leave the groups out"
Fold = NDArray[np.intp]
Split = Callable[["Rows", int], Fold]  # rows and a seed to the part of each row, 0 to 4; 0 is what measures


def at_random(rows: Rows, seed: int) -> Fold:
    """Five parts (n,) drawn at random; groups and classes are spread over all alike: new texts of known groups.

    Of a group, two rows at a time go into a part, so that within a small one, too, there is something to compare.

    Raises:
        LatentoptError: if there are groups of classes, which have no levels: all that can be done is to hold them out.
    """
    if rows.groups is not None and not rows.numbers:
        raise LatentoptError(GROUPED_CLASSES)
    generator = np.random.default_rng(seed)
    labels = rows.groups if rows.numbers else rows.values
    order = generator.permutation(len(rows))
    if labels is not None:
        _, code = np.unique(labels, return_inverse=True)
        order = order[np.argsort(code[order], kind="stable")]
    # Every fifth row in an order by class, or pair of rows in one by group, is a fifth of each.
    fold = np.empty(len(order), dtype=np.intp)
    fold[order] = np.arange(len(order)) // (1 if rows.groups is None else 2) % FOLDS
    return fold


def by_group(rows: Rows, seed: int) -> Fold:
    """Whole groups in five parts of about as many rows: texts of groups that were never seen.

    Raises:
        LatentoptError: if there are no groups, or fewer than five.
    """
    if rows.groups is None:
        raise LatentoptError("a split by group needs groups; give --group COLUMN, or split at random")
    names, code, counts = np.unique(rows.groups, return_inverse=True, return_counts=True)
    if len(names) < FOLDS:
        raise LatentoptError(
            f"a split by group needs {FOLDS} groups or more, those that measure not counted, got {len(names)}; "
            "split at random"
        )
    part, filled = np.empty(len(names), dtype=np.intp), np.zeros(FOLDS)
    for group in np.random.default_rng(seed).permutation(len(names)):
        part[group] = filled.argmin()
        filled[part[group]] += counts[group]
    return part[code]


def by_time(rows: Rows, seed: int) -> Fold:
    """The latest fifth measures, the others are at random: texts that are still to come.

    Raises:
        LatentoptError: if the rows have no times.
    """
    if rows.times is None:
        raise LatentoptError("a split by time needs times; give --time COLUMN, or split at random")
    latest = np.argsort(rows.times, kind="stable")[len(rows) - len(rows) // FOLDS :]
    fold = 1 + at_random(rows, seed) % (FOLDS - 1)
    fold[latest] = 0
    return fold


def parted(rows: Rows, split: Split, seed: int) -> tuple[Rows, Rows]:
    """The rows to learn from, and those that measure; raises LatentoptError as `without`."""
    return without(rows, split(rows, seed), 0)


def without(rows: Rows, fold: Fold, part: int) -> tuple[Rows, Rows]:
    """The rows of all parts (n,) but one, and those of this one.

    Raises:
        LatentoptError: if a class is in this one alone: nothing is learned of it.
    """
    learned, measured = rows.take(np.flatnonzero(fold != part)), rows.take(np.flatnonzero(fold == part))
    if not rows.numbers and (new := set(measured.values.tolist()) - set(learned.values.tolist())):
        raise LatentoptError(
            f"the class {sorted(new)[0]!r} is in the rows that measure alone, and nothing is learned of it; split at "
            "random, or leave its rows out"
        )
    return learned, measured

"""What a head learns from: latents of texts with a value each, and perhaps a group."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from latentopt.errors import LatentoptError
from latentopt.heads.values import Kind, values_of
from latentopt.space.texts import checked_texts
from latentopt.tables import is_missing

if TYPE_CHECKING:
    from latentopt.space import LatentSpace
    from property_models import PropertyModel

KnownScale = Literal["identity", "log1p", "logit"]
Scale = KnownScale | Literal["auto"]

Model = TypeVar("Model", bound="PropertyModel")

FEWEST_ROWS = 20
FEWEST_OF_CLASS = 5  # so that a class is both learned and measured
MOST_CLASSES = 50


@dataclass(frozen=True)
class Rows:
    """Pooled latents (n, m), texts, values and, perhaps, groups, weights and times of n rows.

    Groups of numbers have levels, which are learned; those of classes are there to be held out whole, and no more.
    """

    z: NDArray[np.float64]
    texts: list[str]
    values: NDArray[Any]
    groups: NDArray[Any] | None = None
    weights: NDArray[np.float64] | None = None
    times: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, index: NDArray[np.intp]) -> Rows:
        """The rows of an index."""
        groups = None if self.groups is None else self.groups[index]
        weights = None if self.weights is None else self.weights[index]
        times = None if self.times is None else self.times[index]
        return Rows(self.z[index], [self.texts[i] for i in index], self.values[index], groups, weights, times)

    @property
    def numbers(self) -> bool:
        """Whether values are numbers, and not classes."""
        return are_numbers(self.values)

    @property
    def levelled(self) -> NDArray[Any] | None:
        """The groups (n,) whose levels a model learns; None of classes, which have none."""
        return self.groups if self.numbers else None

    def fit(self, model: Model) -> Model:
        """Fit a model to the latents."""
        model.fit(self.z, self.values, groups=self.levelled, weights=self.weights)
        return model

    def read_with(self, others: Rows | None) -> Rows:
        """These rows and others without their latents: what a reader learns from."""
        both = [self] if others is None else [self, others]
        groups = [rows.groups for rows in both if rows.groups is not None]
        weights = [rows.weights for rows in both if rows.weights is not None]
        if not {len(groups), len(weights)} <= {0, len(both)}:
            raise LatentoptError("groups and weights are those of all rows or of none, but only some rows have them")
        return Rows(
            np.zeros((sum(map(len, both)), 0)),
            [text for rows in both for text in rows.texts],
            np.concatenate([rows.values for rows in both]),
            np.concatenate(groups) if groups else None,
            np.concatenate(weights) if weights else None,
        )


def rows_of(
    space: LatentSpace,
    texts: Collection[str],
    values: Collection[Any],
    *,
    groups: Collection[Any] | None = None,
    weights: Collection[float] | None = None,
    times: Collection[float] | None = None,
    kind: Kind = "auto",
    z: NDArray[np.floating[Any]] | None = None,
) -> Rows:
    """Encode texts and check that there is something to learn.

    Args:
        space: encodes the texts.
        texts: n texts. values: n finite numbers, or n classes: strings, bools, or any two different entries. A class
            of fewer than 5 rows is left out with a warning.
        groups: of n rows, for instance who wrote each text; of classes, what a split by group holds out. weights: of n
            numbers, how much is known of each.
        times: n finite numbers that rise with time, such as years, for a split by time.
        kind: what the values are (see `values_of`).
        z: pooled latents (n, m) of the texts, where they are known (see `kept_latents`); then nothing is encoded.

    Raises:
        LatentoptError: if the rows are too few, the values all the same or not finite, the classes too many, the groups
            as many as the rows, or there is not one value and group for each text.
    """
    texts, values = checked_texts(texts), list(values)  # of a column, texts[i] would be by its label
    counts = {"texts": texts, "values": values, "groups": groups, "weights": weights, "times": times, "latents": z}
    given = {name: len(column) for name, column in counts.items() if column is not None}
    if len(set(given.values())) > 1:
        had = ", ".join(f"{n} {name}" for name, n in given.items())
        raise LatentoptError(f"each text needs its value, and group, weight, time, latent if there are some, got {had}")
    names = None if groups is None else _named(list(groups))
    read = values_of(values, kind=kind)
    array = read.values
    kept = np.arange(len(texts))
    if any(read.faults):
        bad = next(i for i, fault in enumerate(read.faults) if fault)
        raise LatentoptError(f"values must be finite numbers, got {values[bad]!r} at {bad}; leave such rows out")
    if not are_numbers(array):
        kept = _of_common_classes(array)
        array = array[kept]
    if len(kept) < FEWEST_ROWS:
        raise LatentoptError(f"a head needs {FEWEST_ROWS} rows or more to learn from, got {len(kept)}; give more rows")
    if len(set(array.tolist())) < 2:
        one = array.tolist()[0]
        same = f"{one:g}" if are_numbers(array) else repr(one)
        raise LatentoptError(f"a head learns from values that differ, but all are {same}; give another column")
    if names is not None and len(set(names)) == len(names):
        raise LatentoptError(
            f"a group has rows to compare, but all {len(names)} rows have one of their own; leave them out"
        )
    used = [texts[i] for i in kept.tolist()]
    latents = space.pooled(space.encode(used)).numpy() if z is None else z[kept]
    return Rows(
        latents.astype(np.float64),
        used,
        array,
        None if names is None else np.asarray(names, dtype=object)[kept],
        None if weights is None else np.asarray(list(weights), dtype=np.float64)[kept],
        None if times is None else np.asarray(list(times), dtype=np.float64)[kept],
    )


def _named(groups: list[Any]) -> list[str]:
    """Names of groups; a row without one is no row of a group "nan"."""
    for i, group in enumerate(groups):
        if is_missing(group):
            raise LatentoptError(f"each row needs its group, got {group!r} at {i}; leave such rows out")
    return [str(group) for group in groups]


def are_numbers(values: NDArray[Any]) -> bool:
    """Whether values are numbers, and not classes."""
    return bool(np.issubdtype(values.dtype, np.number))


def _of_common_classes(classes: NDArray[Any]) -> NDArray[np.intp]:
    """Indices of the rows whose class has rows enough; warns of the others."""
    names, code, counts = np.unique(classes, return_inverse=True, return_counts=True)
    common = counts >= FEWEST_OF_CLASS
    if common.sum() > MOST_CLASSES or (len(classes) and not common.any()):
        raise LatentoptError(
            f"values that are no numbers are classes, of which there may be {MOST_CLASSES}, each of {FEWEST_OF_CLASS} "
            f"rows or more, got {len(names)} (such as {classes[0]!r}); give a column of numbers or of fewer classes"
        )
    if not common.all():
        rare = ", ".join(map(repr, names[~common][:3])) + (", ..." if (~common).sum() > 3 else "")
        warnings.warn(
            f"left out {counts[~common].sum():,} rows of classes with fewer than {FEWEST_OF_CLASS} rows: {rare}",
            stacklevel=3,
        )
    return np.flatnonzero(common[code])

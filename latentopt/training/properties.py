"""Columns of the data that the latent shall tell: as numbers, or as whether something is so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentopt.errors import LatentoptError
from latentopt.tables import is_missing, is_number
from latentopt.training.losses import Property

if TYPE_CHECKING:
    import pandas

FARTHEST = 3.0  # standard deviations; what lies beyond counts as that
FEWEST_IN_GROUP = 5  # a mean of fewer says little: they stand for nothing


@dataclass(frozen=True)
class PropertyColumn:
    """A column and how it is read.

    name: of the column. log1p: numbers are taken as log(1 + x), as counts want it. groups: the column whose equal
    values make a group; numbers are compared within their group alone (the likes of one account).
    """

    name: str
    log1p: bool = False
    groups: str | None = None


def columns_of(asked: Sequence[PropertyColumn]) -> list[str]:
    """The columns of a table that are needed, each once."""
    return list(dict.fromkeys(name for column in asked for name in (column.name, column.groups) if name is not None))


def values_of(
    frame: pandas.DataFrame, asked: Sequence[PropertyColumn]
) -> tuple[tuple[Property, ...], NDArray[np.float32]]:
    """The properties and their values (n, p) of the n rows of a frame, not a number where unknown.

    A column of two different values that are no numbers, or of 0 and 1, says whether something is so: the second of
    them in alphabetical order is 1. Any other column must be of numbers, which are standardised and clipped at three
    standard deviations.

    Raises:
        LatentoptError: for a column of another kind.
    """
    properties, columns = [], []
    for column in asked:
        raw = frame[column.name].tolist()
        known = [value for value in raw if not is_missing(value)]
        kinds = sorted({str(value) for value in known})
        binary = len(kinds) == 2 and (kinds == ["0", "1"] or not all(is_number(value) for value in known))
        if binary and column == PropertyColumn(column.name):
            values = np.array([np.nan if is_missing(v) else float(str(v) == kinds[1]) for v in raw])
        elif known and all(is_number(value) for value in known):
            numbers = np.array([np.nan if is_missing(v) else float(v) for v in raw])
            groups = None if column.groups is None else frame[column.groups].astype(str).to_numpy()
            values, binary = _standardised(column, numbers, groups), False
        else:
            raise LatentoptError(
                f"the property {column.name} must be a column of numbers, or one of two different values, which no "
                f"scale or groups go with; it has {', '.join(map(repr, kinds[:5])) or 'no values'}"
            )
        properties.append(Property(column.name, binary=binary))
        columns.append(values.astype(np.float32))
    return tuple(properties), np.stack(columns, 1) if columns else np.zeros((len(frame), 0), np.float32)


def _standardised(
    column: PropertyColumn, values: NDArray[np.float64], groups: NDArray[Any] | None
) -> NDArray[np.float64]:
    if column.log1p:
        if (values < 0).any():
            raise LatentoptError(
                f"the property {column.name} is to be read as log(1 + x), but has numbers below 0; leave log1p out"
            )
        values = np.log1p(values)
    if groups is None:
        values = values - np.nanmean(values)
    else:
        _, number = np.unique(groups, return_inverse=True)
        known = ~np.isnan(values)
        count = np.bincount(number[known], minlength=number.max() + 1)
        total = np.bincount(number[known], weights=values[known], minlength=len(count))
        values = values - np.where(count >= FEWEST_IN_GROUP, total / np.maximum(count, 1), np.nan)[number]
    spread = np.nanstd(values)
    if not spread > 0:
        raise LatentoptError(f"the property {column.name} says nothing: all its values are alike")
    return np.clip(values / spread, -FARTHEST, FARTHEST)

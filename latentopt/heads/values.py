"""Kinds of value: what a column's entries are for a head, numbers, classes or rates."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from latentopt.errors import LatentoptError
from latentopt.tables import Table, number

Kind = Literal["auto", "numbers", "classes"]
SHOWN = 3  # values that were left out, in an error
THOUSANDS = re.compile(r"\d{1,3}\.\d{3}")
WEIGHTS = "weights of the values"  # name of a column
SKEWED = 2.0  # mean of counts over their median, from where on their logarithm is the better scale
MOST_NUMBERS = 0.9  # share of texts that are numbers, from where on the column holds no texts


@dataclass(frozen=True)
class Values:
    """Entries as values: (n,) numbers or class names, what is wrong with each of n, and, of rates, their weights."""

    values: NDArray[Any]
    faults: list[str | None]
    weights: NDArray[np.float64] | None = None

    def within(self, scale: str) -> Values:
        """The same, with a fault for each number that a scale does not have: a negative count, a rate above 1."""
        low, high, what = {
            "log1p": (0.0, np.inf, "count is below 0"),
            "logit": (0.0, 1.0, "rate is below 0 or above 1"),
        }.get(scale, (-np.inf, np.inf, ""))
        faults = [
            f"is {value:g}, and no {what}" if fault is None and not low <= value <= high else fault
            for value, fault in zip(self.values.tolist(), self.faults, strict=True)
        ]
        return replace(self, faults=faults)


def values_of(
    raw: Sequence[Any],
    *,
    kind: Kind = "auto",
    classes: Mapping[str, str] | None = None,
    decimal_comma: bool = False,
) -> Values:
    """Read entries as numbers or classes.

    Args:
        raw: n entries of any type.
        kind: "auto" takes two different entries (0 and 1, 0 and 4, yes and no), bools and words as classes, and most
            else as numbers. Of entries that are mostly numbers, two different ones are classes, and the
            others have a fault.
        classes: the entries that are classes, and their names; rows of others have a fault.
        decimal_comma: as `latentopt.tables.number` takes it.
    """
    if classes is not None:
        labels = [classes.get(_label(value)) for value in raw]
        return Values(
            np.array(["" if label is None else label for label in labels], dtype=object),
            [
                f"is {value!r}, none of the classes" if label is None else None
                for value, label in zip(raw, labels, strict=True)
            ],
        )
    numbers = [number(value, decimal_comma=decimal_comma) for value in raw]
    if kind == "auto" and sum(n is not None for n in numbers) * 2 > len(raw):
        two = {_label(value) for value, n in zip(raw, numbers, strict=True) if n is not None}
        if len(two) == 2:
            return values_of(raw, classes={label: label for label in two})
    if kind == "classes" or (kind == "auto" and _are_classes(raw, numbers)):
        return Values(np.array([_label(value) for value in raw], dtype=object), [None] * len(raw))
    return Values(
        np.array([np.nan if n is None else n for n in numbers]),
        [f"is {value!r}, not a finite number" if n is None else None for value, n in zip(raw, numbers, strict=True)],
    )


def rates_of(successes: Sequence[Any], trials: Sequence[Any], *, decimal_comma: bool = False) -> Values:
    """Read two columns as rates, such as clicks of impressions, each weighted by how much is known of it.

    The log-odds of k of n, half a success and half a failure added, have the variance v = 1 / (k + 1/2) + 1 / (n - k +
    1/2) by chance (Gart & Zweifel 1967). What no text says varies as well, about as much as chance does in a median
    row: the weight is 1 / (v + median v). (On headlines this orders 58.8% of the pairs rightly, 1 / v 58.4%, no weights
    57.5%.)
    """
    pairs = [
        (number(k, decimal_comma=decimal_comma), number(n, decimal_comma=decimal_comma))
        for k, n in zip(successes, trials, strict=True)
    ]
    faults = [_rate_fault(k, n, of) for (k, n), of in zip(pairs, trials, strict=True)]
    sound = [(0.0, 0.0) if fault else pair for pair, fault in zip(pairs, faults, strict=True)]
    hits, of = np.array(sound, dtype=np.float64).reshape(-1, 2).T
    if hits.any() and hits.max() < 1:
        raise LatentoptError("a rate is made of two counts, but all are below 1; leave --of out for rates as they are")
    chance = 1 / (hits + 0.5) + 1 / (of - hits + 0.5)
    return Values((hits + 0.5) / (of + 1), faults, 1 / (chance + np.median(chance)))


def named_classes(text: str) -> dict[str, str]:
    """Read "0=negative,4=positive" or "cat,dog" as entries and the names of their classes."""
    pairs = [part.partition("=") for part in text.split(",")]
    found = {entry.strip(): (name if sign else entry).strip() for entry, sign, name in pairs}
    if len(set(found.values())) < 2 or not all(found) or not all(found.values()):
        raise LatentoptError(f"classes are two or more, set apart by commas, got {text!r}; try 0=negative,4=positive")
    return found


def skewed_counts(values: NDArray[np.float64]) -> bool:
    """Whether numbers (n,) are counts of which few are large, such as likes."""
    counts = bool(len(values) and (values >= 0).all() and (values == values.round()).all())
    return counts and bool(values.mean() > SKEWED * max(float(np.median(values)), 0.5))


def check_counts(values: NDArray[np.float64], column: str) -> None:
    """Raise LatentoptError if some of the numbers (n,), NaN for none, are below 0, and all others skewed counts."""
    values = values[np.isfinite(values)]
    below = values[values < 0]
    if len(below) and skewed_counts(values[values >= 0]) and (below == below.round()).all():
        raise LatentoptError(
            f"{column} has counts, but {len(below):,} of {len(values):,} are below 0, such as {below[0]:g}; "
            "--scale log1p leaves these out, --scale identity takes them as they are"
        )


def check_dropped(table: Table, raw: Sequence[Any], *, may_drop: float, decimal_comma: bool = False) -> None:
    """Raise LatentoptError if more rows than a share were left out, with three of them and what helps.

    Args:
        table: the good rows, and errors for the others. raw: all entries of the column of values.
        may_drop: the share, 0 to 1. decimal_comma: whether they were read with it.
    """
    total = len(table) + len(table.errors)
    if not total or len(table.errors) <= may_drop * total:
        return
    shown = "; ".join(f"row {error.row}: {error.message}" for error in table.errors[:SHOWN])
    others = [value for value in raw if number(value, decimal_comma=decimal_comma) is None]
    if others and sum(number(value, decimal_comma=True) is not None for value in others) * 2 > len(others):
        helps = "--decimal-comma reads these"
    elif len(others) * 5 > len(raw):
        helps = "--kind classes takes words as classes"
    elif not len(table) or (len(raw) - len(table) - len(others)) * 2 > total:  # numbers, but none that the scale has
        helps = f"{'few are' if len(table) else 'none is'} left; give another column, or another --scale"
    else:
        helps = f"--may-drop {min(1.0, np.ceil(100 * len(table.errors) / total) / 100):g} leaves them out"
    raise LatentoptError(
        f"{table.name}: {len(table.errors):,} of {total:,} rows cannot be used, which is more than {may_drop:.0%}: "
        f"{shown}; {helps}"
    )


def thousands_warning(raw: Sequence[Any], column: str) -> str | None:
    """What to say of entries such as 6.967 that look like thousands; None if they do not."""
    dotted = [value.strip() for value in raw if isinstance(value, str) and "." in value]
    if len(dotted) < SHOWN or not all(THOUSANDS.fullmatch(value) for value in dotted):
        return None
    shown = number(dotted[0], decimal_comma=True)
    return f"{column} has values such as {dotted[0]}, read as {float(dotted[0]):g}; --decimal-comma reads {shown:,.0f}"


def check_texts(texts: Sequence[str], column: str) -> None:
    """Raise LatentoptError for a column of numbers where one of texts is asked for."""
    if sum(number(text) is not None for text in texts) > MOST_NUMBERS * len(texts):
        raise LatentoptError(
            f"the column {column!r} holds numbers, such as {texts[0]!r}, and no texts; --column names that of the texts"
        )


def times_of(entries: Sequence[Any], column: str) -> list[float]:
    """Numbers that rise with time, of years, dates or moments.

    Raises:
        LatentoptError: if an entry is none of these.
    """
    import pandas as pd

    numbers = [number(entry) for entry in entries]
    found = [n for n in numbers if n is not None]
    if len(found) == len(entries):
        return found
    moments = pd.to_datetime(pd.Series(entries, dtype=object), errors="coerce", utc=True, format="ISO8601")
    if moments.isna().any():
        bad = entries[int(moments.isna().to_numpy().argmax())]
        raise LatentoptError(f"the times of {column!r} are numbers or dates such as 2026-11-25, got {bad!r}")
    return [float(moment.timestamp()) for moment in moments]


def with_values(table: Table, column: str, read: Values) -> Table:
    """The table with a column of what was read, rows with a fault left out; weights, if any, are in WEIGHTS."""
    frame = table.frame.assign(**{column: read.values})
    if read.weights is not None:
        frame = frame.assign(**{WEIGHTS: read.weights})
    return replace(table, frame=frame).checked(column, read.faults)


def _rate_fault(k: float | None, n: float | None, of: Any) -> str | None:
    if k is None:
        return "is not a finite number"
    if n is None or n <= 0:
        return f"is of {of!r}, and a rate is of 1 or more"
    return None if 0 <= k <= n else f"is {k:g} of {n:g}, and a rate is from none to all"


def _are_classes(raw: Sequence[Any], numbers: Sequence[float | None]) -> bool:
    if len({_label(value) for value in raw}) == 2:
        return True
    return sum(n is not None for n in numbers) * 2 <= len(raw)


def _label(value: Any) -> str:
    """The name of a class: 0, 0.0 and "0" are one, and so are True and "True"."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()

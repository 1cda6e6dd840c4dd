"""The heads of the bundled model: which rows of which file they learn from, and how many of them are encoded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from corpus import headlines, labelled, tweets

from latentopt.heads import Rows, fit_head
from latentopt.heads.splits import Fold, Split, at_random, by_group
from latentopt.heads.values import rates_of
from latentopt.space import LatentSpace

FEWEST_OF_CLASS = 200  # rows of a file
FEWEST_ENCODED = 40  # rows of a class


@dataclass(frozen=True)
class Source:
    """A file and the properties that are learned from it.

    read: the data folder to a frame with "text", a column for each of the properties, "untold" (whether the network was
    not told the row's label), and perhaps "group" and "weight". properties: their names. encoded: rows whose latents
    are computed, which is what the time goes into, and of untold ones alone: a head that learned and was measured on
    latents which know the label would promise too much. A head of 256 weights learns little more from more, and readers
    learn from all rows. split: what measures, and what is stacked on; of small groups whole ones, since nothing is
    within a group of one row.
    """

    read: Callable[[Path], pd.DataFrame]
    properties: tuple[str, ...]
    encoded: int
    split: Split = at_random


def _tweets(data: Path) -> pd.DataFrame:
    frame = tweets(data)
    return frame.assign(
        group=frame["account"].astype(str),
        **{n: frame[n].astype(float) for n in ("likes", "retweets")},
    )


def _headlines(data: Path) -> pd.DataFrame:
    frame = headlines(data)
    rates = rates_of(frame["clicks"].tolist(), frame["impressions"].tolist())
    group = frame["test"].astype(str) + "|" + frame["image"].astype(str)
    frame = frame.assign(clicks=rates.values, weight=rates.weights, group=group)
    return frame[[fault is None for fault in rates.faults]]


def _by_test(rows: Rows, seed: int) -> Fold:
    """Whole tests in five parts: the images of one test share their headlines."""
    assert rows.groups is not None
    tests = np.array([str(group).split("|")[0] for group in rows.groups], dtype=object)
    return by_group(replace(rows, groups=tests), seed)


def _labelled(name: str, classes: Callable[[str], str]) -> Callable[[Path], pd.DataFrame]:
    """Rows of the labelled tweets whose label `classes` gives a name, "" being none."""

    def read(data: Path) -> pd.DataFrame:
        frame = labelled(data)
        frame = frame.assign(**{name: frame["label"].map(classes)})
        frame = frame[frame[name] != ""]
        return frame[frame.groupby(name)[name].transform("size") >= FEWEST_OF_CLASS]

    return read


def _after(prefix: str) -> Callable[[str], str]:
    return lambda label: label.removeprefix(prefix) if label.startswith(prefix) else ""


TWEETS = Source(_tweets, ("likes", "retweets"), 20_000)
SOURCES = (
    TWEETS,
    Source(_headlines, ("clicks",), 10_000, _by_test),
    Source(_labelled("sentiment", _after("sentiment140_")), ("sentiment",), 8_000),
    Source(_labelled("emotion", _after("emotion_")), ("emotion",), 4_000),
    Source(
        _labelled("offensive", lambda label: label if label in ("hate", "offensive", "neither") else ""),
        ("offensive",),
        4_000,
    ),
)


@dataclass(frozen=True)
class Drawn:
    """A source's rows: those that were encoded, their latents (n, m), and the others."""

    source: Source
    frame: pd.DataFrame
    z: np.ndarray[Any, np.dtype[np.float64]]
    others: pd.DataFrame

    def rows(self, name: str) -> tuple[Rows, Rows | None]:
        """The rows of a property, encoded and not."""
        encoded = _rows(self.frame, name, self.z)
        return encoded, _rows(self.others, name, np.zeros((len(self.others), 0))) if len(self.others) else None


def draw(source: Source, space: LatentSpace, data: Path, *, share: float = 1.0, seed: int) -> Drawn:
    """Encode a share of the rows that a source has encoded; of every class there are some."""
    frame = source.read(data).reset_index(drop=True)
    order = frame[frame["untold"]].sample(frac=1, random_state=seed)
    name = source.properties[0]
    chosen = order.index[: max(100, int(share * source.encoded))]
    if not pd.api.types.is_numeric_dtype(frame[name]):
        some = order.groupby(name).head(FEWEST_ENCODED).index
        chosen = chosen.union(some, sort=False)
    drawn = frame.loc[chosen]
    logging.info("encoding %d of %d rows for %s", len(drawn), len(order), ", ".join(source.properties))
    z = space.pooled(space.encode(drawn["text"].tolist())).double().numpy()
    return Drawn(source, drawn, z, frame.drop(index=chosen))


def fit_heads(drawn: Drawn, space: LatentSpace, output: Path, *, seed: int) -> dict[str, Any]:
    """Fit the heads of a source, and save those that are better than a constant; their reports, by name."""
    found: dict[str, Any] = {}
    for name in drawn.source.properties:
        rows, more = drawn.rows(name)
        fitted = fit_head(rows, unencoded=more, split=drawn.source.split, seed=seed)
        found[name] = fitted.report | {"bundled": knows(fitted.report)}
        logging.info("%s %s", name, found[name])
        if knows(fitted.report):
            fitted.save_pretrained(output / "heads" / name, name=name, space=space)
    return found


def knows(report: Mapping[str, Any]) -> bool:
    """Whether a head beats a constant on rows that it has not seen: what does not is no help to a search."""
    head, constant = report["head"], report["constant"]
    return bool(head["r2"] > constant["r2"] if "r2" in head else head["log_loss"] < constant["log_loss"])


def _rows(frame: pd.DataFrame, name: str, z: np.ndarray[Any, np.dtype[np.float64]]) -> Rows:
    numbers = pd.api.types.is_numeric_dtype(frame[name])
    return Rows(
        z,
        frame["text"].tolist(),
        frame[name].to_numpy(dtype="float64" if numbers else object),
        frame["group"].to_numpy(dtype=object) if "group" in frame else None,
        frame["weight"].to_numpy(dtype="float64") if "weight" in frame else None,
    )

"""Pairs of texts of which one has more: the measure of a head that no level, group or scale can flatter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentopt.errors import LatentoptError
from latentopt.heads.opinion import ByLatent

if TYPE_CHECKING:
    from latentopt.heads.property import Fitted
    from latentopt.space import LatentSpace

LEVEL = 0.95
SAMPLES = 2000
MARKS = {"first": True, "second": False, "1": True, "2": False}  # how a file says which text has more


@dataclass(frozen=True)
class Pairs:
    """n pairs: two texts each, whether the first has more, (n,), and what they are drawn together with, (n,).

    Pairs of one cluster, say of one test or one author, share texts or circumstances: they are resampled together.
    """

    first: list[str]
    second: list[str]
    first_is_more: NDArray[np.bool_]
    cluster: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.first)


def marked_pairs(first: Sequence[str], second: Sequence[str], more: Sequence[Any]) -> Pairs:
    """Pairs of two columns and one that says which has more: "first" or "second", or 1 or 2.

    Raises:
        LatentoptError: if an entry says neither.
    """
    marks = [MARKS.get(str(mark).strip().lower()) for mark in more]
    if None in marks:
        raise LatentoptError(
            f"which of two texts has more is said by first or second, or 1 or 2, got {more[marks.index(None)]!r}"
        )
    return Pairs(list(first), list(second), np.array(marks, dtype=bool), np.arange(len(first)))


def grouped_pairs(
    texts: Sequence[str],
    values: NDArray[np.float64],
    groups: Sequence[Any],
    *,
    errors: NDArray[np.float64] | None = None,
    least_z: float = 0.0,
) -> Pairs:
    """All pairs within groups whose values differ.

    Args:
        texts: n. values: (n,). groups: n, as heads take them.
        errors: (n,) standard errors of the values. least_z: pairs must differ by more than so many of theirs.

    Raises:
        LatentoptError: if there is no such pair.
    """
    index = np.unique(np.array([str(group) for group in groups]), return_inverse=True)[1]
    order = np.argsort(index, kind="stable")
    found: list[tuple[int, int]] = []
    for rows in np.split(order, np.flatnonzero(np.diff(index[order])) + 1):
        a, b = np.triu_indices(len(rows), 1)
        found += zip(rows[a].tolist(), rows[b].tolist(), strict=True)
    a, b = np.array(found, dtype=np.intp).reshape(-1, 2).T
    gap = values[a] - values[b]
    chance = 0.0 if errors is None else np.hypot(errors[a], errors[b])
    kept = np.abs(gap) > least_z * chance
    a, b, gap = a[kept], b[kept], gap[kept]
    if not len(a):
        raise LatentoptError("no two rows of one group differ; give another --group, or a lower --least-z")
    return Pairs([texts[i] for i in a.tolist()], [texts[i] for i in b.tolist()], gap > 0, index[a])


def pairs_report(
    space: LatentSpace, fitted: Fitted, pairs: Pairs, *, label: str | None = None, seed: int = 0
) -> dict[str, Any]:
    """How many pairs are ordered rightly.

    Args:
        space: encodes the texts. fitted: a head, perhaps with its reader.
        label: the class that there is more of, for a property of classes. [of two, the second]
        seed: of the bootstrap.

    Returns:
        `pairs`, `level`, and for "head" and, of what is stacked, "reader" and "stacked": `ordered`, the share of pairs
        for whose better text more is predicted (a tie counts half), and the ends `low` and `high` of its bootstrap
        interval (percentiles; clusters are resampled).

    Raises:
        HeadError: if there are more than two classes and none was chosen, or if there is no such class.
    """
    texts = list(dict.fromkeys([*pairs.first, *pairs.second]))
    place = {text: i for i, text in enumerate(texts)}
    z = space.pooled(space.encode(texts))
    by_latent, reader, stacked = ByLatent(fitted.head), fitted.reader, fitted.stacked
    if label is not None:
        by_latent = by_latent.for_class(label)
        reader = reader and reader.for_class(label)
        stacked = stacked and stacked.for_class(label)
    scores = {"head": by_latent.predict_score(z, texts)}
    if reader is not None:
        scores["reader"] = reader.predict_score(texts)
    if stacked is not None:
        scores["stacked"] = stacked.predict_score(z, texts)
    first, second = ([place[text] for text in side] for side in (pairs.first, pairs.second))
    report: dict[str, Any] = {"pairs": len(pairs), "level": LEVEL}
    for name, score in scores.items():
        report[name] = ordered_rightly(score[first] - score[second], pairs, seed=seed)
    return report


def ordered_rightly(gap: NDArray[np.float64], pairs: Pairs, *, seed: int) -> dict[str, float]:
    """Share of pairs whose predicted gap (n,), first minus second, has the right sign, with its bootstrap interval."""
    right = np.where(gap == 0, 0.5, (gap > 0) == pairs.first_is_more)
    cluster = np.unique(pairs.cluster, return_inverse=True)[1]
    hits, sizes = np.bincount(cluster, weights=right), np.bincount(cluster)
    draw = np.random.default_rng(seed)
    samples = []
    for _ in range(SAMPLES):  # one at a time: a table of all draws would be large
        drawn = draw.integers(0, len(sizes), len(sizes))
        samples.append(hits[drawn].sum() / sizes[drawn].sum())
    low, high = np.quantile(samples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"ordered": float(right.mean()), "low": float(low), "high": float(high)}

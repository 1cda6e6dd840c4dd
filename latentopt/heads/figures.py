"""One page of figures for a head: calibration, residuals, what more rows would help, and whether intervals hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from sklearn.base import clone

from latentopt.heads.property import Fitted
from latentopt.heads.rows import Rows
from latentopt.heads.splits import Split, at_random, parted
from property_models import Head
from property_models.targets import GroupOffsets

INK, SOFT = "#1f4e79", "#e69f00"
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)  # of the training rows, in the learning curve
LEVELS = np.linspace(0.1, 0.95, 18)
BINS = 10
FEWEST = 40  # rows of a point of the learning curve
Array = NDArray[np.float64]


def page(fitted: Fitted, rows: Rows, *, name: str, split: Split = at_random, seed: int = 0) -> Figure:
    """The page of a head that `fit_head` or `tune_head` fitted to these rows, with this split and seed.

    What is shown is the stacked opinion on the held-out rows; the learning curve is the head's, fitted anew to parts of
    the training rows. A search adds its errors by trial and, of ten trials or more, which settings matter.
    """
    train, test = parted(rows, split, seed)
    shown: Any = fitted.shown.estimator
    vectors = test.z
    if fitted.reader is not None and fitted.stacked is not None:
        vectors = np.hstack([fitted.head.outputs(test.z), fitted.reader.outputs(test.texts)])
    history = fitted.report.get("history", [])
    figure = Figure(figsize=(10, 11 if history else 7.6), layout="constrained")
    axes = figure.subplots(3 if history else 2, 2).ravel()
    if rows.numbers:
        truth, known = _levels(shown, train, test)
        said = shown.outputs(vectors)
        scale = fitted.head.scale
        less = f"{'' if scale == 'identity' else f'{scale}, '}less the {'mean' if rows.groups is None else 'level'}"
        _calibration(axes[0], said[:, 0], truth - known, less)
        _residuals(axes[1], truth - known - said[:, 0], less)
        _coverage(axes[3], shown, said, truth - known)
    else:
        right = np.array([str(label) for label in test.values])
        p = shown.probabilities(vectors)
        _reliability(axes[0], p, np.array(shown.classes)[p.argmax(1)] == right)
        _by_class(axes[1], shown.classes, np.array(shown.classes)[p.argmax(1)], right)
        _sure_ones(axes[3], p.max(1), np.array(shown.classes)[p.argmax(1)] == right)
    _learning(axes[2], fitted.head, train, test)
    if history:
        _search(axes[4], history)
        if importances := fitted.report.get("importances"):
            _settings(axes[5], importances)
        else:
            axes[5].set_axis_off()
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{name}: {len(test):,} rows that it has not seen")
    return figure


def _levels(head: Head, train: Rows, test: Rows) -> tuple[Array, Array]:
    """Scores (n,) of the test rows, and what is known of them: their group's level, or the mean."""
    before, truth = (np.asarray(head.to_score(np.asarray(rows.values, float))) for rows in (train, test))
    if train.groups is None:
        return truth, np.full(len(truth), before.mean())
    return truth, GroupOffsets.fit(before, train.groups).of(test.groups)


def _calibration(axis: Axes, said: Array, truth: Array, less: str) -> None:
    parts = np.array_split(np.argsort(said), BINS)
    x, y = (np.array([values[part].mean() for part in parts]) for values in (said, truth))
    error = np.array([truth[part].std() / max(len(part), 1) ** 0.5 for part in parts])
    axis.errorbar(x, y, 1.96 * error, fmt="o", color=INK)
    axis.axline((float(x.mean()), float(x.mean())), slope=1, color=SOFT, linewidth=1)
    axis.set(title="Calibration, by tenths", xlabel=f"predicted ({less})", ylabel="real: mean, and its interval")


def _residuals(axis: Axes, rest: Array, less: str) -> None:
    axis.hist(rest, bins=40, color=INK)
    axis.axvline(0, color=SOFT, linewidth=1)
    axis.set(title="Residuals", xlabel=f"real less predicted ({less})", ylabel="rows")
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))


def _coverage(axis: Axes, shown: Any, said: Array, truth: Array) -> None:
    if shown.has_interval:
        axis.axline((0, 0), slope=1, color=SOFT, linewidth=1)
        ends = [shown.within(said, level=float(level)).T for level in LEVELS]
        axis.plot(LEVELS, [((low <= truth) & (truth <= high)).mean() for low, high in ends], "o-", color=INK)
    else:
        axis.text(0.5, 0.5, "too few rows for intervals", ha="center")
    axis.set(title="Intervals", xlabel="level", ylabel="share of rows inside", xlim=(0, 1), ylim=(0, 1))


def _reliability(axis: Axes, p: Array, right: NDArray[np.bool_]) -> None:
    sure = p.max(1)
    parts = [part for part in np.array_split(np.argsort(sure), BINS) if len(part)]
    axis.plot([sure[part].mean() for part in parts], [right[part].mean() for part in parts], "o", color=INK)
    axis.axline((0, 0), slope=1, color=SOFT, linewidth=1)
    axis.set(title="Calibration, by tenths", xlabel="probability of the likeliest class", ylabel="share that is right")
    axis.set(xlim=(0, 1), ylim=(0, 1))


def _by_class(axis: Axes, classes: tuple[str, ...], said: NDArray[Any], truth: NDArray[Any]) -> None:
    shares = [float((said[truth == label] == label).mean()) if (truth == label).any() else 0.0 for label in classes]
    axis.barh(range(len(classes)), shares, color=INK)
    axis.set_yticks(range(len(classes)), list(classes))
    axis.set(title="Found, by class", xlabel="share of the class that is recognized", xlim=(0, 1))


def _sure_ones(axis: Axes, sure: Array, right: NDArray[np.bool_]) -> None:
    order = np.argsort(-sure)
    axis.plot((np.arange(len(order)) + 1) / len(order), right[order].cumsum() / (np.arange(len(order)) + 1), color=INK)
    axis.set(title="Right among the surest", xlabel="share of rows, surest first", ylabel="share that is right")
    axis.set(ylim=(0, 1.02))


def _learning(axis: Axes, head: Any, train: Rows, test: Rows) -> None:
    order = np.random.default_rng(0).permutation(len(train))
    counts = sorted({max(int(share * len(train)), min(FEWEST, len(train))) for share in SHARES})
    found = []
    for count in counts:
        some = train.take(np.sort(order[:count]))
        if not train.numbers and len(set(some.values.tolist())) < len(head.classes):
            continue  # a class is missing: other classes are another head
        found.append((count, _quality(some.fit(clone(head)), some, test)))
    axis.plot(*np.array(found).reshape(-1, 2).T, "o-", color=INK)
    axis.set(title="Learning curve of the head", xlabel="training rows", xscale="log")
    if len(found) < 2:
        axis.text(0.5, 0.9, "too few rows for a curve", ha="center", transform=axis.transAxes)
    axis.set_ylabel("R², levels of groups known" if train.numbers else "share that is right")


def _quality(head: Any, train: Rows, test: Rows) -> float:
    if not train.numbers:
        return float((head.predict(test.z) == test.values).mean())
    truth, known = _levels(head, train, test)
    rest = truth - known
    return 1 - float(((rest - head.outputs(test.z)[:, 0]) ** 2).sum() / (((rest - rest.mean()) ** 2).sum() or 1.0))


def _search(axis: Axes, history: list[float]) -> None:
    axis.plot(np.arange(len(history)) + 1, history, "o", color=INK, alpha=0.5, label="trial")
    axis.plot(np.arange(len(history)) + 1, np.minimum.accumulate(history), color=SOFT, label="best so far")
    axis.set(title="Search", xlabel="trial", ylabel="error")
    axis.legend(frameon=False)


def _settings(axis: Axes, importances: dict[str, float]) -> None:
    axis.barh(list(importances), list(importances.values()), color=INK)
    axis.invert_yaxis()  # the most first
    axis.set(title="Settings that matter", xlabel="importance for the error", xlim=(0, 1))

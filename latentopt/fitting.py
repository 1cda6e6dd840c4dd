"""Fit a head on the latents of texts, and search for a better one."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

import property_models as pm
from latentopt.errors import LatentoptError
from property_models.targets import GroupOffsets

if TYPE_CHECKING:
    import optuna

    from latentopt.space import LatentSpace
    from latentopt.tables import Table

Family = Literal["ridge", "mlp"]
Scale = Literal["auto", "log1p", "identity"]
Head = pm.RidgeHead | pm.LogisticHead | pm.MLPEnsembleRegressor | pm.MLPEnsembleClassifier

FEWEST_ROWS = 20
FEWEST_OF_CLASS = 5  # so that a class is both learned and measured
HELD_OUT = 0.2
MOST_CLASSES = 50
NOISE = 0.5  # of the latents: a head that is right around a latent has gradients that lead somewhere real
SKEWED = 2.0  # mean of counts over their median, from where on their logarithm is the better scale


@dataclass(frozen=True)
class Rows:
    """Latents (n, d), texts, values and, perhaps, groups of n rows."""

    z: NDArray[np.float64]
    texts: list[str]
    values: NDArray[Any]
    groups: NDArray[Any] | None = None

    def take(self, index: NDArray[np.intp]) -> Rows:
        """The rows of an index."""
        groups = None if self.groups is None else self.groups[index]
        return Rows(self.z[index], [self.texts[i] for i in index], self.values[index], groups)


@dataclass(frozen=True)
class Fitted:
    """A head, and how it did on the fifth of the rows that it has not seen. `parameters` are those of its estimator."""

    head: Head
    report: dict[str, Any]
    parameters: dict[str, Any]


def rows_of(
    space: LatentSpace, texts: Sequence[str], values: Sequence[Any], *, groups: Sequence[Any] | None = None
) -> Rows:
    """Encode texts and check that there is something to learn.

    Args:
        space: encodes the texts.
        texts: n texts. values: n finite numbers, or n classes: strings or bools. A class of fewer than 5 rows is left
            out with a warning.
        groups: of n numbers, for instance who wrote each text.

    Raises:
        LatentoptError: if the rows are too few, the values all the same or not finite, the classes too many, or
            grouped, or there is not one value and group for each text.
    """
    array = np.asarray(values)
    if not len(texts) == len(array) == len(texts if groups is None else groups):
        grouped = "" if groups is None else f" and {len(groups)} groups"
        raise LatentoptError(f"each text needs its value, got {len(texts)} texts, {len(array)} values{grouped}")
    kept = np.arange(len(texts))
    if is_number(array):
        array = array.astype(np.float64)
        if not np.isfinite(array).all():
            bad = int(np.flatnonzero(~np.isfinite(array))[0])
            raise LatentoptError(f"values must be finite numbers, got {array[bad]} at {bad}; leave such rows out")
    elif groups is not None:
        raise LatentoptError("groups are for numbers, but the values are classes; leave the groups out")
    else:
        array = np.asarray([str(value) for value in values], dtype=object)
        kept = _of_common_classes(array)
        array = array[kept]
    if len(kept) < FEWEST_ROWS:
        raise LatentoptError(f"a head needs {FEWEST_ROWS} rows or more to learn from, got {len(kept)}; give more rows")
    if len(set(array.tolist())) < 2:
        raise LatentoptError(
            f"a head learns from values that differ, but all are {array.tolist()[0]!r}; give another column"
        )
    used = [texts[i] for i in kept.tolist()]
    z = space.encode(used).numpy().astype(np.float64)
    return Rows(z, used, array, None if groups is None else np.asarray([str(g) for g in groups], dtype=object))


def without_negative(table: Table, column: str) -> Table:
    """Return a table without the rows whose number is below 0, which no count is; classes are left alone."""
    values = table.frame[column]
    if not is_number(values.to_numpy()):
        return table
    return table.checked(column, [f"is {v:g}, and no count is below 0" if v < 0 else None for v in values.tolist()])


def is_number(values: NDArray[Any]) -> bool:
    """Whether values are numbers, and not classes."""
    return bool(np.issubdtype(values.dtype, np.number))


def chosen_scale(values: NDArray[np.float64], scale: Scale = "auto") -> Literal["log1p", "identity"]:
    """The scale that a number is fitted on: log1p for skewed counts, unless it is given."""
    if scale != "auto":
        return scale
    counts = bool((values >= 0).all() and (values == values.round()).all())
    return "log1p" if counts and values.mean() > SKEWED * max(float(np.median(values)), 0.5) else "identity"


def fit_head(
    rows: Rows,
    *,
    family: Family = "ridge",
    scale: Scale = "auto",
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
) -> Fitted:
    """Fit a head on four fifths of the rows and measure it on the others.

    With groups, every group is split alike, so that what the head adds within groups can be measured.

    Args:
        rows: from `rows_of`.
        family: "ridge" (linear; logistic for classes) or "mlp" (an ensemble of small networks).
        scale: of a number: "log1p", "identity", or "auto" by the look of the values.
        seed: of the split and of the networks.
        parameters: of the estimator, such as {"alpha": 10.0} or {"hidden": 64}; the noise is 0.5 unless it is there.

    Raises:
        HeadError: if a value does not fit the scale.
    """
    train, test = (rows.take(part) for part in split(rows, seed=seed))
    head = _estimator(train, family, scale, {"noise": NOISE, **(parameters or {})}, seed=seed)
    _fit(head, train)
    return Fitted(head, _report(head, train, test), head.get_params())


def tune_head(
    rows: Rows,
    *,
    trials: int = 30,
    timeout: float | None = None,
    families: Sequence[Family] = ("ridge", "mlp"),
    scale: Scale = "auto",
    seed: int = 0,
    progress: Callable[[int, float], None] | None = None,
) -> Fitted:
    """Search family and hyperparameters with Optuna's TPE (Bergstra et al. 2011), then fit as `fit_head` does.

    Choices are made on a fifth of the training rows; the rows of the report are looked at once, at the end.

    Args:
        rows: from `rows_of`.
        trials: how many settings to try. timeout: seconds after which none but the first is begun.
        families: to choose from.
        scale, seed: as in `fit_head`.
        progress: is told the number of trials that are done and the best error so far.
    """
    import optuna

    inner = rows.take(split(rows, seed=seed)[0])
    train, valid = (inner.take(part) for part in split(inner, seed=seed + 1))

    def error(trial: optuna.Trial) -> float:
        family, parameters = _suggest(trial, families)
        head = _estimator(inner, family, scale, parameters, seed=seed)
        _fit(head, train)
        return _error(head, train, valid)

    def told(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        if progress is not None:
            progress(trial.number + 1, study.best_value)

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        study.enqueue_trial({"family": families[0], "alpha": 1.0, "noise": NOISE})
        end = None if timeout is None else time.monotonic() + timeout
        study.optimize(error, n_trials=1, callbacks=[told])  # there is always one to choose
        if trials > 1:
            left = None if end is None else max(0.0, end - time.monotonic())
            study.optimize(error, n_trials=trials - 1, timeout=left, callbacks=[told])
    finally:
        optuna.logging.set_verbosity(before)
    best = dict(study.best_params)
    family: Family = best.pop("family")
    fitted = fit_head(rows, family=family, scale=scale, seed=seed, parameters=best)
    report = fitted.report | {"trials": len(study.trials), "family": family}
    return Fitted(fitted.head, report, fitted.parameters)


def split(rows: Rows, *, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of four fifths of the rows and of the others; groups and classes are split alike."""
    generator = np.random.default_rng(seed)
    labels = rows.groups if rows.groups is not None else None if is_number(rows.values) else rows.values
    order = generator.permutation(len(rows.values))
    if labels is not None:
        _, code = np.unique(labels, return_inverse=True)
        order = order[np.argsort(code[order], kind="stable")]
    # Every fifth row in an order by group is a fifth of every group.
    held = np.zeros(len(order), dtype=bool)
    held[order[:: round(1 / HELD_OUT)]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def _suggest(trial: optuna.Trial, families: Sequence[Family]) -> tuple[Family, dict[str, Any]]:
    family: Family = "ridge" if trial.suggest_categorical("family", list(families)) == "ridge" else "mlp"
    parameters: dict[str, Any] = {"noise": trial.suggest_float("noise", 0.05, 1.5, log=True)}
    if family == "ridge":
        return family, parameters | {"alpha": trial.suggest_float("alpha", 1e-2, 1e4, log=True)}
    return family, parameters | {
        "hidden": trial.suggest_int("hidden", 16, 256, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-4, 1.0, log=True),
        "epochs": trial.suggest_int("epochs", 4, 20),
    }


def _estimator(rows: Rows, family: Family, scale: Scale, parameters: dict[str, Any], *, seed: int) -> Head:
    if is_number(rows.values):
        on = chosen_scale(rows.values, scale)
        if family == "ridge":
            return pm.RidgeHead(scale=on, random_state=seed, **parameters)
        return pm.MLPEnsembleRegressor(scale=on, random_state=seed, **parameters)
    if family == "ridge":
        return pm.LogisticHead(**parameters)
    return pm.MLPEnsembleClassifier(random_state=seed, **parameters)


def _fit(head: Head, rows: Rows) -> None:
    if isinstance(head, pm.RidgeHead | pm.MLPEnsembleRegressor):
        head.fit(rows.z, rows.values, groups=rows.groups)
    else:
        head.fit(rows.z, rows.values)


def _error(head: Head, train: Rows, rows: Rows) -> float:
    """What a search minimizes: squared error within groups for a number, log loss for classes."""
    from sklearn.metrics import log_loss

    if isinstance(head, pm.LogisticHead | pm.MLPEnsembleClassifier):
        return float(log_loss(rows.values, head.predict_proba(rows.z), labels=list(head.classes_)))
    score = np.asarray(head.to_score(rows.values))
    known: float | NDArray[np.float64] = head.offset_
    if train.groups is not None:
        known = GroupOffsets.fit(np.asarray(head.to_score(train.values)), train.groups).of(rows.groups)
    return float(np.mean((score - known - (head.predict_score(rows.z) - head.offset_)) ** 2))


def _of_common_classes(classes: NDArray[Any]) -> NDArray[np.intp]:
    """Indices of the rows whose class has rows enough; warns of the others."""
    names, code, counts = np.unique(classes, return_inverse=True, return_counts=True)
    common = counts >= FEWEST_OF_CLASS
    if common.sum() > MOST_CLASSES or not common.any():
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


def _report(head: Head, train: Rows, test: Rows) -> dict[str, Any]:
    sides = (train.z, train.texts, train.values), (test.z, test.texts, test.values)
    if isinstance(head, pm.LogisticHead | pm.MLPEnsembleClassifier):
        return pm.classification_report(head, *sides)
    if train.groups is None or test.groups is None:
        return pm.regression_report(head, *sides)
    return pm.regression_report(head, *sides, groups=(train.groups, test.groups))

"""Search for a better head."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import property_models as pm
from latentopt.heads.fit import NOISE, Estimator, Family, Fitted, fit_head, new_estimator
from latentopt.heads.rows import Rows, Scale, fit_to, split
from property_models.targets import GroupOffsets

if TYPE_CHECKING:
    import optuna


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
        head = new_estimator(inner, family, scale, parameters, seed=seed)
        fit_to(head, train)
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
    return replace(fitted, report=report)


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


def _error(head: Estimator, train: Rows, rows: Rows) -> float:
    """What a search minimizes: squared error within groups for a number, log loss for classes."""
    from sklearn.metrics import log_loss

    if isinstance(head, pm.LogisticHead | pm.MLPEnsembleClassifier):
        return float(log_loss(rows.values, head.predict_proba(rows.z), labels=list(head.classes_)))
    score = np.asarray(head.to_score(rows.values))
    known: float | NDArray[np.float64] = head.offset_
    if train.groups is not None:
        known = GroupOffsets.fit(np.asarray(head.to_score(train.values)), train.groups).of(rows.groups)
    return float(np.mean((score - known - (head.predict_score(rows.z) - head.offset_)) ** 2))

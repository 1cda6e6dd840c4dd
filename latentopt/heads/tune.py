"""Search for a better head."""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentopt.heads.fit import NOISE, fit_head, new_estimator
from latentopt.heads.property import Fitted
from latentopt.heads.rows import Rows, Scale
from latentopt.heads.splits import Split, at_random, parted
from latentopt.heads.trials import opened
from property_models import GENERAL, Family, PropertyModel
from property_models.targets import GroupOffsets

if TYPE_CHECKING:
    import optuna

ENOUGH_TRIALS = 10  # to say which settings matter


def tune_head(
    rows: Rows,
    *,
    trials: int = 30,
    timeout: float | None = None,
    families: Sequence[Family] = GENERAL,
    scale: Scale = "auto",
    seed: int = 0,
    split: Split = at_random,
    storage: str | Path | None = None,
    progress: Callable[[int, float], None] | None = None,
    log: Callable[[dict[str, Any]], object] | None = None,
) -> Fitted:
    """Search family and hyperparameters with Optuna's TPE (Bergstra et al. 2011), then fit as `fit_head` does.

    Choices are made on a fifth of the training rows; the rows of the report are looked at once, at the end. Ctrl-C
    ends the search and fits the best so far; the report then says that it was `interrupted`.

    Args:
        rows: from `rows_of`.
        trials: how many settings to try, those of earlier runs and other workers included.
        timeout: seconds after which none but the first is begun.
        families: to choose from.
        scale, seed, split: as in `fit_head`.
        storage: where trials are kept as they finish, so that the same search goes on where it was killed, to the same
            end if one worker did it, and several workers share one: a file (Optuna's journal), or the URL of a
            database. None keeps none.
        progress: is told the number of trials that are done and the best error so far.
        log: is told of each trial its "error", the "best error" so far and the settings, by name, such as `wandb.log`.

    Raises:
        LatentoptError: if the storage cannot be read or written.
        KeyboardInterrupt: if Ctrl-C was pressed before a trial was done.
    """
    import optuna
    from optuna.trial import TrialState

    inner, _ = parted(rows, split, seed)
    train, valid = parted(inner, split, seed + 1)

    def error(trial: optuna.Trial) -> float:
        family, parameters = _suggest(trial, families, of_classes=not rows.numbers)
        return _error(train.fit(new_estimator(inner, family, scale, parameters, seed=seed)), train, valid)

    names = [family.name for family in families]
    end = None if timeout is None else time.monotonic() + timeout
    interrupted = False
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # of a trial that Ctrl-C ends it warns with a traceback
    try:
        with opened(storage, _identity(rows, [*names, split.__name__], scale, seed)) as (study, alone):
            # Of one worker, what is drawn hangs on the trials that are done, and on no kill. Of several, they would all
            # draw the same.
            study.sampler = _sampler(seed + (_done(study) if alone else len(study.trials)))

            def told(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
                done = _done(study)
                if log is not None:
                    log({"error": trial.value, "best error": study.best_value, **trial.params})
                if progress is not None:
                    progress(done, study.best_value)
                if done >= trials or (end is not None and time.monotonic() > end):
                    study.stop()
                if alone:
                    study.sampler = _sampler(seed + done)

            if all(trial.state == TrialState.FAIL for trial in study.trials):
                study.enqueue_trial({"family": names[0], "alpha": 1.0, "noise": NOISE})
            if _done(study) < trials:
                try:
                    study.optimize(error, callbacks=[told])
                except KeyboardInterrupt:
                    if not _done(study):
                        raise
                    interrupted = True
    finally:
        optuna.logging.set_verbosity(before)
    best = dict(study.best_params)
    family = families[names.index(best.pop("family"))]
    fitted = fit_head(rows, family=family, scale=scale, seed=seed, parameters=best, split=split)
    history = [trial.value for trial in study.trials if trial.value is not None]
    report = fitted.report | {"trials": _done(study), "family": family.name, "interrupted": interrupted}
    report["history"] = history
    if len(history) >= ENOUGH_TRIALS:
        report["importances"] = _importances(study)
    return replace(fitted, report=report)


def _identity(rows: Rows, names: Sequence[str], scale: Scale, seed: int) -> str:
    """What a study is called: trials on other rows, or of another search, are none of it (SHA-256, 16 digits)."""
    digest = hashlib.sha256(repr((sorted(names), scale, seed, rows.texts)).encode())
    for array in (rows.values, rows.groups, rows.weights, rows.times):
        digest.update(repr(None if array is None else array.tolist()).encode())
    digest.update(rows.z.tobytes())  # in words, 200,000 latents are a gigabyte
    return digest.hexdigest()[:16]


def _sampler(seed: int) -> optuna.samplers.TPESampler:
    import optuna

    return optuna.samplers.TPESampler(seed=seed)


def _done(study: optuna.Study) -> int:
    from optuna.trial import TrialState

    return len(study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]))


def _importances(study: optuna.Study) -> dict[str, float]:
    """How much of what tells good trials from others lies in each setting, the most first; they sum to 1."""
    from optuna.importance import get_param_importances

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of trials that are all alike it warns that settings matter alike
        return dict(get_param_importances(study))


def _suggest(trial: optuna.Trial, families: Sequence[Family], *, of_classes: bool) -> tuple[Family, dict[str, Any]]:
    by_name = {family.name: family for family in families}
    family = by_name[str(trial.suggest_categorical("family", list(by_name)))]
    parameters: dict[str, Any] = {}
    for name, (low, high) in family.estimator(of_classes=of_classes).search.items():
        if isinstance(low, int) and isinstance(high, int):
            parameters[name] = trial.suggest_int(name, low, high, log=True)
        else:
            parameters[name] = trial.suggest_float(name, low, high, log=True)
    return family, parameters


def _error(head: PropertyModel, train: Rows, rows: Rows) -> float:
    """What a search minimizes: squared error within groups for a number, log loss for classes."""
    from sklearn.metrics import log_loss

    if head.classes:
        return float(log_loss(rows.values, head.probabilities(rows.z), labels=list(head.classes)))
    score = np.asarray(head.to_score(rows.values))
    said = head.predict_score(rows.z)
    if train.groups is not None:
        levels = GroupOffsets.fit(np.asarray(head.to_score(train.values)), train.groups)
        said = levels.of(rows.groups) + head.outputs(rows.z)[:, 0]
    return float(np.mean((score - said) ** 2))

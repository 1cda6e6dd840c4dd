"""Fit a head on the latents of texts, and measure it on others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

import property_models as pm
from latentopt.heads.report import classification_report, regression_report
from latentopt.heads.rows import Rows, are_numbers, split
from latentopt.heads.storage import save_head

if TYPE_CHECKING:
    from latentopt.space import LatentSpace

Family = Literal["ridge", "mlp"]
Scale = Literal["auto", "log1p", "identity"]
Estimator = pm.RidgeHead | pm.LogisticHead | pm.MLPEnsembleRegressor | pm.MLPEnsembleClassifier

NOISE = 0.5  # of the latents: a head that is right around a latent has gradients that lead somewhere real
SKEWED = 2.0  # mean of counts over their median, from where on their logarithm is the better scale


@dataclass(frozen=True)
class Fitted:
    """A head, and how it did on the fifth of the rows that it has not seen. `parameters` are those of its estimator."""

    head: Estimator
    report: dict[str, Any]
    parameters: dict[str, Any]

    def save_pretrained(self, directory: str | Path, *, name: str, space: LatentSpace) -> None:
        """Write the head, and its report as its metrics, so that `load_head(directory, space)` finds them."""
        save_head(self.head, directory, name=name, space=space.fingerprint, metrics=self.report)


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
    head = new_estimator(train, family, scale, {"noise": NOISE, **(parameters or {})}, seed=seed)
    fit_estimator(head, train)
    return Fitted(head, _report(head, train, test), head.get_params())


def new_estimator(rows: Rows, family: Family, scale: Scale, parameters: dict[str, Any], *, seed: int) -> Estimator:
    """An estimator of a family for values like those of the rows, not fitted yet."""
    if are_numbers(rows.values):
        on = chosen_scale(rows.values, scale)
        if family == "ridge":
            return pm.RidgeHead(scale=on, random_state=seed, **parameters)
        return pm.MLPEnsembleRegressor(scale=on, random_state=seed, **parameters)
    if family == "ridge":
        return pm.LogisticHead(**parameters)
    return pm.MLPEnsembleClassifier(random_state=seed, **parameters)


def fit_estimator(head: Estimator, rows: Rows) -> None:
    """Fit to all of the rows."""
    if isinstance(head, pm.RidgeHead | pm.MLPEnsembleRegressor):
        head.fit(rows.z, rows.values, groups=rows.groups)
    else:
        head.fit(rows.z, rows.values)


def _report(head: Estimator, train: Rows, test: Rows) -> dict[str, Any]:
    sides = (train.z, train.texts, train.values), (test.z, test.texts, test.values)
    if isinstance(head, pm.LogisticHead | pm.MLPEnsembleClassifier):
        return classification_report(head, *sides)
    if train.groups is None or test.groups is None:
        return regression_report(head, *sides)
    return regression_report(head, *sides, groups=(train.groups, test.groups))

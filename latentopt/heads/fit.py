"""Fit a head on the latents of texts, and measure it on others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import property_models as pm
from latentopt.heads.reader import Reader, bits_for, counted, fit_estimator, reader_estimator
from latentopt.heads.report import classification_report, regression_report
from latentopt.heads.rows import KnownScale, Rows, Scale, are_numbers, fit_to, split
from latentopt.heads.stacked import Stacked, fit_stacked, with_more
from latentopt.heads.storage import save_head
from latentopt.tables import atomic_update
from property_models.base import Classifier, Regressor
from property_models.families import estimators_of

if TYPE_CHECKING:
    from latentopt.space import LatentSpace

Estimator = Regressor | Classifier

NOISE = 0.5  # of the latents: a head that is right around a latent has gradients that lead somewhere real
SKEWED = 2.0  # mean of counts over their median, from where on their logarithm is the better scale


@dataclass(frozen=True)
class Fitted:
    """A head, its reader, both stacked, and how they did on the fifth of the rows that they have not seen.

    `parameters` are those of the head's estimator.
    """

    head: Estimator
    reader: Reader
    stacked: Stacked
    report: dict[str, Any]
    parameters: dict[str, Any]

    def save_pretrained(self, directory: str | Path, *, name: str, space: LatentSpace) -> None:
        """Write all three, and the report as the head's metrics; `load_stacked` finds all, `load_head` the head."""
        with atomic_update(directory) as temporary:  # they belong together: all three or none
            save_head(self.head, temporary, name=name, space=space.fingerprint, metrics=self.report)
            self.reader.save_pretrained(temporary, name=name)
            self.stacked.save_pretrained(temporary, name=name)

    def with_typical(self, value: float) -> Fitted:
        """A copy that predicts for a group with this typical value.

        Raises:
            HeadError: if there are no groups, or the value is none that a row could have.
        """
        if isinstance(self.head, Classifier):
            raise pm.HeadError("a typical value is one of numbers, but this property is one of classes")
        head, reader = self.head.with_typical(value), self.reader.with_typical(value)
        stacked = Stacked(head, reader, self.stacked.with_typical(value).estimator)
        return replace(self, head=head, reader=reader, stacked=stacked)


def chosen_scale(rows: Rows, scale: Scale = "auto") -> KnownScale:
    """The scale that numbers are fitted on, unless it is given: logit for rates, log1p for skewed counts."""
    if scale != "auto":
        return scale
    values = rows.values
    if rows.weights is not None:
        return "logit"
    if not are_numbers(values):
        return "identity"
    counts = bool((values >= 0).all() and (values == values.round()).all())
    return "log1p" if counts and values.mean() > SKEWED * max(float(np.median(values)), 0.5) else "identity"


def fit_head(
    rows: Rows,
    *,
    family: str = "ridge",
    scale: Scale = "auto",
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
    unencoded: Rows | None = None,
) -> Fitted:
    """Fit a head, its reader and both stacked on four fifths of the rows, and measure them on the others.

    With groups, every group is split alike, so that what the head adds within groups can be measured.

    Args:
        rows: from `rows_of`.
        family: one of `property_models.families.FAMILIES`, such as "ridge" (linear; logistic for classes).
        scale: of a number: "log1p", "identity", or "auto" by the look of the values.
        seed: of the split and of the networks.
        parameters: of the estimator, such as {"alpha": 10.0} or {"hidden": 64}; the noise is 0.5 unless it is there.
        unencoded: more rows, of other texts, whose latents nobody has computed (z is (n, 0)): the reader alone learns
            from them. Encoding is what the time goes into, and words go on teaching for longer than latents do.

    Raises:
        HeadError: if there is no such family, or a value does not fit the scale.
    """
    train, test = (rows.take(part) for part in split(rows, seed=seed))
    head = fit_to(new_estimator(train, family, scale, parameters or {}, seed=seed), train)
    bits = bits_for(train.values)
    counts, unseen = (counted(part.texts, bits=bits) for part in (train, test))
    more = None if unencoded is None else (unencoded, counted(unencoded.texts, bits=bits))
    read_by = reader_estimator(train.values, scale=chosen_scale(train, scale), seed=seed)
    reader = Reader(fit_estimator(read_by, *with_more(train, counts, more)), bits=bits)
    stacked = fit_stacked(head, reader, train, counts, more=more, seed=seed)
    opinions = np.hstack([head.outputs(test.z), read_by.outputs(unseen)])
    others = {"reader": (read_by, unseen), "stacked": (stacked.estimator, opinions)}
    return Fitted(head, reader, stacked, _report(head, train, test, others), head.get_params())


def new_estimator(rows: Rows, family: str, scale: Scale, parameters: Mapping[str, Any], *, seed: int) -> Estimator:
    """An estimator of a family for values like those of the rows, not fitted yet."""
    regressor, classifier = estimators_of(family)
    usual: dict[str, Any] = {"noise": NOISE, "random_state": seed}
    if are_numbers(rows.values):
        head: Estimator = regressor()
        usual["scale"] = chosen_scale(rows, scale)
    else:
        head = classifier()
    known = head.get_params()
    return head.set_params(**{name: value for name, value in usual.items() if name in known} | dict(parameters))


def _report(head: Estimator, train: Rows, test: Rows, others: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
    sides = (train.z, train.texts, train.values), (test.z, test.texts, test.values)
    if isinstance(head, Classifier):
        return classification_report(head, *sides, others=others)
    groups = None if train.groups is None or test.groups is None else (train.groups, test.groups)
    return regression_report(head, *sides, groups=groups, others=others)

"""Fit a head on the latents of texts, and measure it on others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from latentopt.heads.property import Fitted
from latentopt.heads.reader import Reader, bits_for, counted, fit_estimator, reader_estimator
from latentopt.heads.report import classification_report, regression_report
from latentopt.heads.rows import KnownScale, Rows, Scale
from latentopt.heads.splits import Split, at_random, parted
from latentopt.heads.stacked import fit_stacked, with_more
from latentopt.heads.values import skewed_counts
from property_models import RIDGE, Family, HeadError, PropertyModel

NOISE = 0.5  # of the latents: a head that is right around a latent has gradients that lead somewhere real


def chosen_scale(rows: Rows, scale: Scale = "auto") -> KnownScale:
    """The scale that numbers are fitted on, unless it is given: logit for rates, log1p for skewed counts."""
    if scale != "auto":
        return scale
    values = rows.values
    if rows.weights is not None:
        return "logit"
    if not rows.numbers:
        return "identity"
    return "log1p" if skewed_counts(values) else "identity"


def fit_head(
    rows: Rows,
    *,
    family: Family = RIDGE,
    scale: Scale = "auto",
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
    unencoded: Rows | None = None,
    split: Split = at_random,
) -> Fitted:
    """Fit a head, its reader and both stacked on four fifths of the rows, and measure them on the others.

    Split at random, every group is split alike, so that what the head adds within groups can be measured.

    Args:
        rows: from `rows_of`.
        family: one of `property_models.FAMILIES`, or one of your own.
        scale: of a number: "log1p", "identity", "logit", or "auto" by the look of the values; some families have their
            own, and take none but "auto".
        seed: of the split and of the networks.
        parameters: of the estimator, such as {"alpha": 10.0} or {"hidden": 64}; the noise is 0.5 unless it is there.
        unencoded: more rows, of other texts, whose latents nobody has computed (z is (n, 0)): the reader alone learns
            from them. Encoding is what the time goes into, and words go on teaching for longer than latents do.
        split: one of `latentopt.heads.splits`: at random, by group or by time.

    Raises:
        HeadError: if the family has nothing for such values, or a value does not fit the scale.
    """
    train, test = parted(rows, split, seed)
    head = train.fit(new_estimator(train, family, scale, parameters or {}, seed=seed))
    bits = bits_for(train.values)
    counts, unseen = (counted(part.texts, bits=bits) for part in (train, test))
    more = None if unencoded is None else (unencoded, counted(unencoded.texts, bits=bits))
    read_by = reader_estimator(train.values, scale=head.scale, seed=seed)
    reader = Reader(fit_estimator(read_by, *with_more(train, counts, more)), bits=bits)
    stacked = fit_stacked(head, reader, train, counts, more=more, split=split, seed=seed)
    opinions = np.hstack([head.outputs(test.z), read_by.outputs(unseen)])
    measured = classification_report if head.classes else regression_report
    models = {"head": (head, test.z), "reader": (read_by, unseen), "stacked": (stacked.estimator, opinions)}
    return Fitted(head, reader, stacked, measured(models, train, test))


def new_estimator(
    rows: Rows, family: Family, scale: Scale, parameters: Mapping[str, Any], *, seed: int
) -> PropertyModel:
    """An estimator of a family for values like those of the rows, not fitted yet.

    Raises:
        HeadError: if the family has none for such values, or a scale of its own, and another is asked for.
    """
    numbers = rows.numbers
    head = family.estimator(of_classes=not numbers)()
    known = head.get_params()
    if numbers and "scale" not in known and scale not in ("auto", head.scale):
        raise HeadError(f"the family {family.name} has the scale {head.scale} and no other, got {scale}; leave it out")
    usual = {"noise": NOISE, "random_state": seed} | ({"scale": chosen_scale(rows, scale)} if numbers else {})
    return head.set_params(**{name: value for name, value in usual.items() if name in known} | dict(parameters))

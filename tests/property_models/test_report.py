"""The report compares a head with baselines on rows that it has not seen."""

from __future__ import annotations

import numpy as np
import pytest

from property_models import LogisticHead, RidgeHead, classification_report, regression_report


def test_a_head_that_knows_beats_the_constant_within_groups() -> None:
    draw = np.random.default_rng(0)
    x, groups = draw.normal(size=(1200, 4)), draw.integers(0, 8, 1200)
    y = np.round(np.exp(groups + x[:, 0]))
    texts = [f"word{i % 7} word{i % 3}" for i in range(1200)]
    head = RidgeHead(scale="log1p").fit(x[:900], y[:900], groups=groups[:900])
    report = regression_report(
        head, (x[:900], texts[:900], y[:900]), (x[900:], texts[900:], y[900:]), groups=(groups[:900], groups[900:])
    )
    assert report["rows"] == 300
    assert report["within_groups"]
    assert report["constant"]["r2"] == pytest.approx(0, abs=0.05)
    assert report["tfidf_ridge"]["r2"] < 0.1  # these texts say nothing
    assert report["head"]["r2"] > 0.8
    assert 0.8 < report["interval"]["coverage"] < 1


def test_a_text_baseline_is_really_fitted_on_the_texts() -> None:
    draw = np.random.default_rng(0)
    x, labels = draw.normal(size=(400, 4)), draw.integers(0, 2, 400)
    texts = ["a fine day" if label else "a foul day" for label in labels]
    head = LogisticHead().fit(x[:300], labels[:300])
    report = classification_report(head, (x[:300], texts[:300], labels[:300]), (x[300:], texts[300:], labels[300:]))
    assert report["tfidf_logistic"]["auc"] == 1.0
    assert report["head"]["auc"] < 0.65
    assert report["constant"]["auc"] == 0.5

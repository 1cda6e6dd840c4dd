"""The report compares a head with baselines on rows that it has not seen."""

from __future__ import annotations

import numpy as np
import pytest

from latentopt.errors import LatentoptError
from latentopt.heads.report import classification_report, regression_report
from latentopt.heads.rows import Rows
from property_models import LogisticHead, RidgeHead


def test_a_head_that_knows_beats_the_constant_within_groups() -> None:
    draw = np.random.default_rng(0)
    x, groups = draw.normal(size=(1200, 4)), draw.integers(0, 8, 1200)
    y = np.round(np.exp(groups + x[:, 0]))
    texts = [f"word{i % 7} word{i % 3}" for i in range(1200)]
    head = RidgeHead(scale="log1p").fit(x[:900], y[:900], groups=groups[:900])
    rows = Rows(x, texts, y, groups)
    report = regression_report({"head": (head, x[900:])}, rows.take(np.arange(900)), rows.take(np.arange(900, 1200)))
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
    rows = Rows(x, texts, labels)
    report = classification_report({"head": (head, x[300:])}, rows.take(np.arange(300)), rows.take(np.arange(300, 400)))
    assert report["tfidf_logistic"]["auc"] == 1.0
    assert report["head"]["auc"] < 0.65
    assert report["constant"]["auc"] == 0.5


@pytest.mark.parametrize("rows_of_a_group", [2, 4, 25])
def test_intervals_cover_new_rows_of_small_groups_as_well(rows_of_a_group: int) -> None:
    draw = np.random.default_rng(0)
    groups = np.repeat(np.arange(8000 // rows_of_a_group), rows_of_a_group)
    x = draw.normal(size=(8000, 8))
    y = 2 * draw.normal(size=len(groups))[groups] + x[:, 0] + 0.5 * draw.normal(size=8000)
    test = draw.random(8000) < 0.2
    head = RidgeHead().fit(x[~test], y[~test], groups=groups[~test])
    rows = Rows(x, ["no word"] * 8000, y, groups)
    sides = (rows.take(np.flatnonzero(side)) for side in (~test, test))
    report = regression_report({"head": (head, x[test])}, *sides)
    assert 0.87 < report["interval"]["coverage"] < 0.93
    assert head.tensors_["weight"][0, 0].item() == pytest.approx(1, abs=0.05)


def test_a_row_is_measured_in_its_own_group_though_the_median_group_has_nothing() -> None:
    draw = np.random.default_rng(0)
    x, groups = draw.normal(size=(1000, 3)), np.arange(1000) % 5
    y = np.where(groups == 4, np.expm1(5 + x[:, 0]), 0.0)  # four groups of five get nothing
    head = RidgeHead(scale="log1p").fit(x, y, groups=groups)
    own = groups == 4
    texts = ["no word"] * 1000
    rows = Rows(x, texts, y, groups)
    report = regression_report({"head": (head, x[own])}, rows, rows.take(np.flatnonzero(own)))
    assert head.typical == pytest.approx(0, abs=0.2)
    assert report["head"]["spearman"] > 0.9


def test_rows_that_are_alone_in_their_group_say_nothing_of_what_is_within() -> None:
    draw = np.random.default_rng(0)
    x, texts = draw.normal(size=(300, 3)), ["no word"] * 300
    groups = np.arange(300) % 100
    head = RidgeHead().fit(x[:200], x[:200, 0], groups=groups[:200])
    train, test = (Rows(x, texts, x[:, 0], groups).take(np.arange(*part)) for part in ((0, 200), (200, 300)))
    with pytest.raises(LatentoptError, match="no two of the rows that measure are of one group"):
        regression_report({"head": (head, test.z)}, train, test)
    pairs = Rows(test.z, test.texts, test.values, np.r_[np.arange(98), 97, 97])
    report = regression_report({"head": (head, test.z)}, train, pairs)
    assert report["rows_within"] == 3
    assert report["constant"]["mae"] == pytest.approx(np.abs(x[297:, 0] - x[297:, 0].mean()).mean())


def test_held_out_values_that_are_all_the_same_have_no_rank_correlation() -> None:
    x, texts = np.random.default_rng(0).normal(size=(50, 3)), ["no word"] * 50
    head = RidgeHead().fit(x[:40], x[:40, 0])
    report = regression_report(
        {"head": (head, x[40:])}, Rows(x[:40], texts[:40], x[:40, 0]), Rows(x[40:], texts[40:], np.ones(10))
    )
    assert report["head"]["spearman"] == 0.0

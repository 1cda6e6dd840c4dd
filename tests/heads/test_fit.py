"""Heads on latents of the toy space, whose texts have properties that are known."""

import numpy as np
import pytest

from latentopt.heads.fit import chosen_scale, fit_head
from latentopt.heads.rows import Rows, rows_of
from latentopt.heads.splits import at_random, parted
from property_models import MLP, RIDGE, LogisticHead, MLPEnsembleClassifier, MLPEnsembleRegressor, RidgeHead
from tests.heads.sentences import AUTHORS, LENGTHS, TEXTS, WINTER


@pytest.fixture(scope="module")
def seasons(space):
    return rows_of(space, TEXTS, WINTER)


@pytest.mark.parametrize(
    ("family", "kind", "size"), [(RIDGE, RidgeHead, {}), (MLP, MLPEnsembleRegressor, {"hidden": 32})]
)
def test_a_number_is_predicted_better_than_by_a_constant(lengths, family, kind, size):
    fitted = fit_head(lengths, family=family, scale="identity", parameters={"noise": 0.1, **size})
    assert isinstance(fitted.head, kind)
    assert fitted.report["head"]["r2"] > 0.2
    assert fitted.report["constant"]["r2"] <= 0
    assert fitted.report["tfidf_ridge"]["r2"] > 0.5  # lengths of whole words: bags of words know them
    assert fitted.report["rows"] == 80


@pytest.mark.parametrize(
    ("family", "kind", "size"), [(RIDGE, LogisticHead, {}), (MLP, MLPEnsembleClassifier, {"hidden": 32})]
)
def test_texts_are_classes(seasons, family, kind, size):
    fitted = fit_head(seasons, family=family, parameters=size)
    assert isinstance(fitted.head, kind)
    assert fitted.report["head"]["auc"] > 0.8
    assert fitted.report["classes"] == ["other", "winter"]


def test_a_head_with_groups_learns_what_texts_add_within_them(space):
    level = np.array([30.0 * (i % 4) for i in range(400)])
    rows = rows_of(space, TEXTS, (level + LENGTHS).tolist(), groups=AUTHORS)
    fitted = fit_head(rows, scale="identity", parameters={"noise": 0.1})
    assert fitted.report["explained_by_group"] > 0.8
    assert fitted.report["groups"] == 4
    assert fitted.report["head"]["r2"] > 0.2
    assert fitted.head.typical == pytest.approx(45 + np.mean(LENGTHS), rel=0.1)


def test_the_head_that_is_saved_is_the_one_that_was_measured(lengths):
    fitted = fit_head(lengths, scale="identity", seed=3)
    _, test = parted(lengths, at_random, 3)
    rest = test.values - fitted.head.predict(test.z)
    assert fitted.report["head"]["mae"] == pytest.approx(np.abs(rest).mean())


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([0, 1, 2, 900], "log1p"),
        ([5, 6, 7, 8], "identity"),
        ([0.5, 1.0, 900.0], "identity"),
        ([-1, 0, 900], "identity"),
    ],
)
def test_skewed_counts_are_fitted_as_logarithms(values, scale):
    assert chosen_scale(Rows(np.zeros((len(values), 0)), [], np.array(values, dtype=float))) == scale


def test_bools_are_classes(space):
    rows = rows_of(space, TEXTS, [text.endswith("in winter") for text in TEXTS])
    assert fit_head(rows).report["classes"] == ["False", "True"]


def test_a_class_of_four_rows_is_left_out_with_a_warning(space):
    labels = ["wnter"] * 4 + WINTER[4:]
    with pytest.warns(UserWarning, match="left out 4 rows of classes with fewer than 5 rows: 'wnter'"):
        rows = rows_of(space, TEXTS, labels)
    assert rows.texts == TEXTS[4:]
    assert len(rows.z) == len(rows.values) == 396
    assert fit_head(rows).report["classes"] == ["other", "winter"]

"""Heads on latents of the toy space, whose texts have properties that are known."""

import numpy as np
import pytest

from latentopt.errors import LatentoptError
from latentopt.fitting import chosen_scale, fit_head, rows_of, split, tune_head
from property_models import LogisticHead, MLPEnsembleClassifier, MLPEnsembleRegressor, RidgeHead
from tests.toy import toy_space, toy_texts

TEXTS = toy_texts(400, seed=5)
LENGTHS = [len(text) for text in TEXTS]
WINTER = ["winter" if text.endswith("in winter") else "other" for text in TEXTS]
AUTHORS = [f"author {i % 4}" for i in range(400)]


@pytest.fixture(scope="module")
def space():
    return toy_space()


@pytest.fixture(scope="module")
def lengths(space):
    return rows_of(space, TEXTS, LENGTHS)


@pytest.fixture(scope="module")
def seasons(space):
    return rows_of(space, TEXTS, WINTER)


@pytest.mark.parametrize(("family", "kind"), [("ridge", RidgeHead), ("mlp", MLPEnsembleRegressor)])
def test_a_number_is_predicted_better_than_by_a_constant(lengths, family, kind):
    fitted = fit_head(lengths, family=family, scale="identity", noise=0.1)
    assert isinstance(fitted.head, kind)
    assert fitted.report["head"]["r2"] > 0.2
    assert fitted.report["constant"]["r2"] <= 0
    assert fitted.report["tfidf_ridge"]["r2"] > 0.5  # lengths of whole words: bags of words know them
    assert fitted.report["rows"] == 80


@pytest.mark.parametrize(("family", "kind"), [("ridge", LogisticHead), ("mlp", MLPEnsembleClassifier)])
def test_texts_are_classes(seasons, family, kind):
    fitted = fit_head(seasons, family=family)
    assert isinstance(fitted.head, kind)
    assert fitted.report["head"]["auc"] > 0.8
    assert fitted.report["classes"] == ["other", "winter"]


def test_a_head_with_groups_learns_what_texts_add_within_them(space):
    level = np.array([30.0 * (i % 4) for i in range(400)])
    rows = rows_of(space, TEXTS, (level + LENGTHS).tolist(), groups=AUTHORS)
    fitted = fit_head(rows, scale="identity", noise=0.1)
    assert fitted.report["explained_by_group"] > 0.8
    assert fitted.report["groups"] == 4
    assert fitted.report["head"]["r2"] > 0.2
    assert fitted.head.typical == pytest.approx(45 + np.mean(LENGTHS), rel=0.1)


def test_the_head_that_is_saved_is_the_one_that_was_measured(lengths):
    fitted = fit_head(lengths, scale="identity", seed=3)
    test = lengths.take(split(lengths, seed=3)[1])
    rest = test.values - fitted.head.predict(test.z)
    assert fitted.report["head"]["mae"] == pytest.approx(np.abs(rest).mean())


def test_a_split_holds_out_a_fifth_of_every_group(space):
    rows = rows_of(space, TEXTS, LENGTHS, groups=AUTHORS)
    train, test = split(rows, seed=0)
    assert sorted([*train, *test]) == list(range(400))
    assert np.unique(rows.take(test).groups, return_counts=True)[1].tolist() == [20] * 4
    assert split(rows, seed=1)[1].tolist() != test.tolist()


def test_a_search_does_at_least_as_well_as_its_first_trial(lengths):
    errors: list[float] = []
    fitted = tune_head(lengths, trials=4, scale="identity", progress=lambda done, best: errors.append(best))
    assert len(errors) == 4
    assert errors == sorted(errors, reverse=True)
    assert fitted.report["trials"] == 4
    assert fitted.report["head"]["r2"] > 0.2


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
    assert chosen_scale(np.array(values, dtype=float)) == scale


def test_too_few_rows_are_refused(space):
    with pytest.raises(LatentoptError, match="a head needs 20 rows or more to learn from, got 3; give more rows"):
        rows_of(space, TEXTS[:3], [1, 2, 3])


def test_values_that_are_all_the_same_are_refused(space):
    with pytest.raises(LatentoptError, match=r"a head learns from values that differ, but all are 1\.0"):
        rows_of(space, TEXTS, [1] * 400)


def test_too_many_classes_are_refused(space):
    with pytest.raises(LatentoptError, match="values that are no numbers are classes, of which there may be 50, got"):
        rows_of(space, TEXTS, [f"class {i}" for i in range(400)])


def test_groups_of_classes_are_refused(space):
    with pytest.raises(LatentoptError, match="groups are for numbers, but the values are classes"):
        fit_head(rows_of(space, TEXTS, WINTER, groups=AUTHORS))

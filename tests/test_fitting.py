"""Heads on latents of the toy space, whose texts have properties that are known."""

import numpy as np
import pytest

from latentopt.errors import LatentoptError
from latentopt.fitting import chosen_scale, fit_head, rows_of, split, tune_head, without_negative
from latentopt.tables import numeric_column, read_table
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
    fitted = fit_head(lengths, family=family, scale="identity", parameters={"noise": 0.1})
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
    fitted = fit_head(rows, scale="identity", parameters={"noise": 0.1})
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


@pytest.mark.parametrize(("families", "kind"), [(["ridge"], "ridge"), (["mlp"], "mlp-regressor")])
def test_a_search_keeps_to_the_families_that_are_given(lengths, families, kind):
    assert tune_head(lengths, trials=2, families=families, scale="identity").head.kind == kind


def test_a_search_without_time_has_one_trial(lengths):
    assert tune_head(lengths, trials=5, timeout=1e-9, scale="identity").report["trials"] == 1


def test_a_search_of_grouped_rows_chooses_by_what_texts_add_within_them(space):
    level = np.array([30.0 * (i % 4) for i in range(400)])
    rows = rows_of(space, TEXTS, (level + LENGTHS).tolist(), groups=AUTHORS)
    errors: list[float] = []
    fitted = tune_head(
        rows, trials=2, families=["ridge"], scale="identity", progress=lambda _, best: errors.append(best)
    )
    assert errors[-1] < 2 * np.var(LENGTHS)  # levels, of variance 1125, are no part of it
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
    with pytest.raises(LatentoptError, match="classes, of which there may be 50, each of 5 rows or more, got 400"):
        rows_of(space, TEXTS, [f"class {i}" for i in range(400)])


def test_groups_of_classes_are_refused(space):
    with pytest.raises(
        LatentoptError, match="groups are for numbers, but the values are classes; leave the groups out"
    ):
        rows_of(space, TEXTS, WINTER, groups=AUTHORS)


def test_a_value_that_is_not_finite_is_refused(space):
    with pytest.raises(LatentoptError, match="values must be finite numbers, got nan at 2; leave such rows out"):
        rows_of(space, TEXTS, [1.0, 2.0, float("nan"), *[3.0] * 397])


def test_a_text_without_a_value_is_refused(space):
    with pytest.raises(LatentoptError, match="each text needs its value, got 400 texts, 2 values and 1 groups"):
        rows_of(space, TEXTS, [1, 2], groups=["a"])


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


def test_a_class_of_five_rows_is_learned_and_measured(space):
    rows = rows_of(space, TEXTS, ["rare"] * 5 + WINTER[5:])
    train, test = (rows.take(part) for part in split(rows, seed=0))
    assert (train.values == "rare").sum() == 4
    assert (test.values == "rare").sum() == 1


def test_rows_of_negative_counts_become_errors(tmp_path):
    (tmp_path / "t.csv").write_text("text,likes\none,3\ntwo,-1\nthree,0\n")
    table = without_negative(
        numeric_column(read_table(tmp_path / "t.csv", columns=["text", "likes"]), "likes"), "likes"
    )
    assert table.frame["likes"].tolist() == [3.0, 0.0]
    assert [(error.row, error.message) for error in table.errors] == [(3, "likes is -1, and no count is below 0")]


def test_classes_are_never_negative_counts(tmp_path):
    (tmp_path / "t.csv").write_text("text,season\none,winter\n")
    table = read_table(tmp_path / "t.csv", columns=["text", "season"])
    assert without_negative(table, "season") is table

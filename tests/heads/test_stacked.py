"""Head and reader together, where each knows a half."""

import numpy as np
import pytest
import torch

from latentopt.errors import LatentoptError
from latentopt.heads import Rows, fit_head, load_fitted
from latentopt.space import LatentSpace
from property_models import COUNTS, ORDINAL, QUANTILE, HeadError
from tests.toy import toy_space, toy_texts

TEXTS = toy_texts(500, seed=5)
DRAW = np.random.default_rng(0)
HIDDEN = DRAW.normal(size=(500, 3))  # what no word says
SPOKEN = np.array([2.0 * ("winter" in text) + ("bread" in text) for text in TEXTS])  # what no latent says


def rows(values, **more):
    return Rows(HIDDEN, TEXTS, values, **more)


@pytest.fixture(scope="module")
def fitted():
    return fit_head(rows(HIDDEN[:, 0] + SPOKEN + 0.1 * DRAW.normal(size=500)), parameters={"noise": 0.0})


def test_both_together_know_more_than_each(fitted):
    report = fitted.report
    assert report["stacked"]["r2"] > 0.8
    assert max(report["head"]["r2"], report["reader"]["r2"]) < 0.7
    assert report["interval"]["of"] == "stacked"


def test_of_two_classes_too():
    labels = np.where(HIDDEN[:, 0] + SPOKEN > 0.7, "good", "bad").astype(object)
    report = fit_head(rows(labels)).report
    assert report["stacked"]["log_loss"] < min(report["head"]["log_loss"], report["reader"]["log_loss"])


def test_groups_are_no_part_of_what_is_stacked():
    groups = np.arange(500) % 5
    fitted = fit_head(rows(HIDDEN[:, 0] + SPOKEN + 20 * groups, groups=groups), scale="identity")
    assert fitted.report["group_mean"]["r2_total"] > 0.95
    assert fitted.report["constant"]["r2"] == pytest.approx(0)
    assert fitted.report["stacked"]["r2"] > 0.7
    assert fitted.stacked.typical == fitted.head.typical
    other = fitted.with_typical(7).stacked
    assert other.typical == pytest.approx(7)
    z = torch.tensor(HIDDEN[:4])
    shift = other.predict(z, TEXTS[:4]) - fitted.stacked.predict(z, TEXTS[:4])
    assert shift == pytest.approx(7 - fitted.head.typical)


def test_grades_stay_grades():
    grades = np.clip(np.round(3 + 1.5 * (HIDDEN[:, 0] + SPOKEN - 1)), 1, 5)
    fitted = fit_head(rows(grades), family=ORDINAL)
    assert fitted.report["stacked"]["r2"] > max(fitted.report["head"]["r2"], fitted.report["reader"]["r2"])
    far, spoken = torch.tensor(30 * HIDDEN), TEXTS
    values, ends = fitted.stacked.predict(far, spoken), fitted.stacked.interval(far, spoken)
    assert 1 <= values.min() < 1.1 and 4.9 < values.max() <= 5
    assert ends.min() >= 1 and ends.max() <= 5


def test_what_a_family_is_taken_for_is_kept_where_it_is_stacked():
    spread = np.exp(HIDDEN[:, 2])
    values = HIDDEN[:, 0] + spread * DRAW.normal(size=500)
    shown = fit_head(rows(values), family=QUANTILE, parameters={"noise": 0.0}).stacked
    widths = np.ptp(shown.interval(torch.tensor(HIDDEN), TEXTS), axis=1)
    assert np.median(widths[spread > 2]) > 2 * np.median(widths[spread < 0.5])
    counts = DRAW.poisson(np.exp(1 + HIDDEN[:, 0]) * DRAW.gamma(0.5, 2, size=500)).astype(float)
    shown = fit_head(rows(counts), family=COUNTS, parameters={"noise": 0.0}).stacked
    assert shown.predict(torch.tensor(HIDDEN), TEXTS).mean() == pytest.approx(counts.mean(), rel=0.2)


def test_a_text_stands_among_those_that_were_fitted_to(fitted):
    share = fitted.stacked.percentile(torch.tensor(HIDDEN), TEXTS)
    assert np.quantile(share, [0.25, 0.5, 0.75]) == pytest.approx([0.25, 0.5, 0.75], abs=0.12)
    assert np.corrcoef(share, fitted.stacked.predict(torch.tensor(HIDDEN), TEXTS))[0, 1] > 0.9


def test_what_is_loaded_says_what_was_saved(tmp_path):
    toy_space().save_pretrained(tmp_path / "model")
    space = LatentSpace.from_pretrained(tmp_path / "model")
    z = space.pooled(space.encode(TEXTS))
    fitted = fit_head(Rows(z.double().numpy(), TEXTS, SPOKEN))
    fitted.save_pretrained(tmp_path / "mine", name="mine", space=space)
    assert set(load_fitted(tmp_path / "mine", space).readers()) == {"mine"}
    loaded = load_fitted(tmp_path / "mine", space).shown
    assert loaded.name == "mine"
    assert loaded.predict(z, TEXTS) == pytest.approx(fitted.stacked.predict(z, TEXTS), abs=1e-3)
    assert loaded.interval(z, TEXTS) == pytest.approx(fitted.stacked.interval(z, TEXTS), abs=1e-2)
    (tmp_path / "mine" / "reader.json").unlink()
    alone = load_fitted(tmp_path / "mine", space)
    assert (alone.reader, alone.readers()) == (None, {})
    assert alone.shown.predict(z, TEXTS) == pytest.approx(alone.head.predict(z.double().numpy()))


def test_numbers_have_no_classes(fitted):
    assert fitted.stacked.probabilities(torch.tensor(HIDDEN), TEXTS).shape == (500, 0)
    with pytest.raises(HeadError, match="'cold': a class is asked for, but this property is a number"):
        fitted.stacked.for_class("cold")


def test_a_reader_learns_from_texts_that_nobody_encoded():
    texts, values = toy_texts(1500, seed=9), np.zeros(1500)
    values[:] = [2.0 * ("winter" in text) + ("bread" in text) for text in texts]
    few = Rows(HIDDEN[:60], TEXTS[:60], SPOKEN[:60])
    alone = fit_head(few).report
    taught = fit_head(few, unencoded=Rows(np.zeros((1500, 0)), texts, values)).report
    assert taught["rows"] == alone["rows"] == 12
    assert taught["reader"]["mae"] < 0.5 * alone["reader"]["mae"]
    assert taught["stacked"]["mae"] < alone["stacked"]["mae"]


def test_groups_of_some_rows_alone_are_refused():
    with pytest.raises(LatentoptError, match="groups and weights are those of all rows or of none"):
        fit_head(rows(SPOKEN, groups=np.arange(500) % 5), unencoded=Rows(np.zeros((2, 0)), ["a", "b"], np.ones(2)))


def test_many_classes_of_few_rows_are_weighed_with_care():
    labels = np.array([f"class {int(4 * h) % 8}" for h in HIDDEN[:, 0]], dtype=object)
    report = fit_head(rows(labels)).report
    worse = max(report["head"]["log_loss"], report["reader"]["log_loss"])
    assert report["stacked"]["log_loss"] < worse + 0.1

"""The page of a head says in pictures what is known of it."""

from dataclasses import replace

import numpy as np
import pytest

from latentopt.heads import Rows, fit_head
from latentopt.heads.figures import page

DRAW = np.random.default_rng(0)
Z = DRAW.normal(size=(600, 3))
VALUES = Z[:, 0] + 0.5 * DRAW.normal(size=600)
TEXTS = [f"word{i % 5}" for i in range(600)]


def shown(axis):
    return axis.lines[-1].get_xydata()


@pytest.mark.parametrize("groups", [None, np.arange(600) % 6])
def test_a_page_of_a_number_shows_what_was_held_out(groups):
    rows = Rows(Z, TEXTS, VALUES, groups)
    fitted = fit_head(rows, scale="identity", parameters={"noise": 0.0})
    calibration, residuals, learning, intervals = page(fitted, rows, name="it").axes
    x, y = calibration.containers[0].lines[0].get_data()
    assert np.corrcoef(x, y)[0, 1] > 0.95
    assert sum(bar.get_height() for bar in residuals.patches) == 120
    counts, quality = shown(learning).T
    assert counts.tolist() == [40, 60, 120, 240, 480]
    assert quality[-1] > 0.7
    assert f"less the {'mean' if groups is None else 'level'}" in residuals.get_xlabel()
    level, covered = shown(intervals).T
    assert covered == pytest.approx(level, abs=0.15)


def test_a_page_of_few_rows_says_what_it_cannot_show():
    rows = Rows(Z[:48], TEXTS[:48], np.exp(VALUES[:48]), None)
    fitted = fit_head(rows, scale="log1p", parameters={"noise": 0.0})
    calibration, _, learning, _ = page(fitted, rows, name="it").axes
    assert "log1p" in calibration.get_xlabel()
    assert [said.get_text() for said in learning.texts] == ["too few rows for a curve"]


def test_a_page_of_classes_and_of_a_search():
    rows = Rows(Z, TEXTS, np.where(VALUES > 0, "glad", "sad").astype(object))
    fitted = fit_head(rows)
    found = {"history": [0.7, 0.9, 0.5], "importances": {"noise": 0.8, "alpha": 0.2}}
    fitted = replace(fitted, report=fitted.report | found)
    _, by_class, learning, surest, search, settings = page(fitted, rows, name="mood").axes
    assert [label.get_text() for label in by_class.get_yticklabels()] == ["glad", "sad"]
    assert shown(learning)[-1, 1] > 0.8
    assert shown(surest)[30, 1] > shown(surest)[-1, 1]
    assert shown(search)[:, 1].tolist() == [0.7, 0.7, 0.5]
    assert [label.get_text() for label in settings.get_yticklabels()] == ["noise", "alpha"]
    assert [bar.get_width() for bar in settings.patches] == [0.8, 0.2]

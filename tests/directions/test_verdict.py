from dataclasses import replace

import numpy as np
import pytest

from latentopt.directions import Consistency
from latentopt.directions.verdict import verdict

SURE = Consistency(0.3, 0.001, 0.9, 0.001, 100, 100, 1000)


class Judge:
    """Texts read like targets by their first number."""

    def predict_score(self, texts):
        return np.array([float(text.split()[0]) for text in texts])


SOURCES = [f"0 {i}" for i in range(12)]


def judged(gain, *, changed=12, found=SURE, judge=Judge(), ordered=0.9):  # noqa: B008
    edits = [f"{gain + 0.01 * i} {i}" if i < changed else SOURCES[i] for i in range(12)]
    return verdict(found, SOURCES, edits, judge=judge, ordered=ordered)


def test_edits_that_gain_work_on_texts():
    found = judged(0.5)
    assert found.works and found.words == "works on texts"
    assert found.gain == pytest.approx(0.5 + 0.055)
    assert 0 < found.low < found.gain < found.high
    assert "by a judge of the words" in found.reason


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (judged(-0.5), "too little or too unsure"),
        (judged(-0.05), "too little or too unsure"),
        (judged(0.9, changed=2), "of 12 held-out texts only 17% could be edited"),
        (judged(0.9, judge=None, ordered=None), "there are too few examples"),
        (judged(0.9, ordered=0.55), "it orders 55% rightly"),
    ],
)
def test_what_was_not_seen_of_texts_is_in_latents_only(found, why):
    assert found.words == "only in latents" and not found.works
    assert why in found.reason


def test_few_texts_do_not_pass_for_many():
    gains = [0.05, 0.6, 0.7]  # a bootstrap of these never reaches zero
    edits = [f"{gain} {i}" for i, gain in enumerate(gains)]
    found = verdict(SURE, SOURCES[:3], edits, judge=Judge(), ordered=0.9)
    assert (found.words, found.gain) == ("only in latents", pytest.approx(0.45))
    assert (found.low, found.high) == pytest.approx((-0.419, 1.319), abs=1e-3)  # t of 2 degrees


@pytest.mark.parametrize(("texts", "changed"), [(1, 1), (1, 0), (2, 1), (3, 1)])
def test_of_one_text_nothing_can_be_told(texts, changed):
    edits = [f"2 {i}" if i < changed else SOURCES[i] for i in range(texts)]
    found = verdict(SURE, SOURCES[:texts], edits, judge=Judge(), ordered=0.9)
    assert found.words == "too few to tell" and not found.works
    assert "edit more (calibrate)" in found.reason


@pytest.mark.parametrize(("draws", "few"), [(1000, "examples"), (9, "permutations")])
@pytest.mark.parametrize("p", [0.01, 0.2])
def test_where_no_p_could_be_low_nothing_can_be_told(draws, few, p):
    found = judged(0.9, found=replace(SURE, permutations=draws, cosine_p=p, least_p=0.1))
    assert found.words == "too few to tell" and f"p is 0.1 at best of so few {few}" in found.reason


def test_examples_that_may_have_no_direction_have_none():
    found = judged(0.9, found=replace(SURE, cosine_p=0.2))
    assert found.words == "not at all" and "p = 0.2" in found.reason

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


def test_examples_that_may_have_no_direction_have_none():
    found = judged(0.9, found=replace(SURE, cosine_p=0.2))
    assert found.words == "not at all" and "p = 0.2" in found.reason

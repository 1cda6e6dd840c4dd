"""What a new reader writes first, with the everyday names alone, on the toy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import latentopt as lo
from latentopt.editing import Effort, Floors
from tests.toy import toy_space, toy_texts

TEXTS = toy_texts(120, seed=21)
LIKES = np.array([10 * len(text) for text in TEXTS])
TONE = np.array(["glad" if "loves" in text or "paints" in text else "sad" for text in TEXTS])
NOW = [f"{text} now" for text in TEXTS[:40]]
# The toy knows little, and a test has little time.
TOY = {
    "floors": Floors(fluency=-99.0, cost=999.0, strain=99.0, meaning=-2.0, change=1.0),
    "effort": Effort(rounds=1, rows=16, scored=8),
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The toy with two heads, as a person has a model."""
    space = toy_space()
    space.save_pretrained(tmp_path / "model")
    for name, values in (("likes", LIKES), ("tone", TONE)):
        fitted = lo.fit_head(lo.rows_of(space, TEXTS, values))
        fitted.save_pretrained(tmp_path / "model/heads" / name, name=name, space=space)
    return tmp_path / "model"


def test_ten_lines(model: Path, tmp_path: Path) -> None:
    space = lo.LatentSpace.from_pretrained(model)
    likes, tone = lo.load_head("likes", space), lo.load_head("tone", space)
    goal = lo.Target(likes, 400) + 0.5 * lo.Maximize(tone.for_class("glad"))
    editor = lo.TextEditor(space, goal, shown=lo.Front(), **TOY)
    best = editor.transform(TEXTS[:3])
    front = [candidate.text for edit in editor.edit(TEXTS[:3]) for candidate in edit.candidates]
    now = lo.mine(space, TEXTS[:40], NOW, name="now", calibrate_on=1, permutations=9).direction
    moved = lo.TextEditor(space, lo.Along(now, 1.5), **TOY).transform(TEXTS[:2])
    now.save_pretrained(tmp_path / "now.safetensors")
    again = lo.Direction.from_pretrained(tmp_path / "now.safetensors", space=space.fingerprint)
    assert len(best) == 3 and set(best) <= {*front, *TEXTS[:3]}
    assert front
    assert len(moved) == 2
    assert again.vector.equal(now.vector)

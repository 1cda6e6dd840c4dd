import numpy as np
import pytest

from latentopt.directions import edit_as_needed
from latentopt.editing import Candidate, Edit, Estimate
from latentopt.errors import LatentoptError
from tests.directions.synthetic import direction


class Reader:
    """Texts are numbers; above 0 they read like targets."""

    def predict_score(self, texts):
        return np.array([float(text) for text in texts])


class Editor:
    """Moves each text by half the strength, if it is above -9."""

    asked: list = []
    goal = None

    def set_params(self, goal):
        self.goal = goal

    def edit(self, texts):
        self.strength = float(self.goal.value)
        Editor.asked.append((self.strength, list(texts)))
        return [self._edit(text) for text in texts]

    def _edit(self, text):
        unmoved = {"higher": Estimate(0.0)}
        if float(text) < -9:
            return Edit(text, unmoved, {}, [], "none_better", False, "nothing is better")
        new = f"{float(text) + self.strength / 2}"
        realised = {"higher": Estimate(self.strength / 2)}
        candidate = Candidate(new, [], 1.0, realised, {}, {}, True, 1.0, 1.0, 0.0, 0.5, 0.0)
        return Edit(text, unmoved, {}, [candidate], "improved", False, "nearer")


@pytest.fixture(autouse=True)
def _forget():
    Editor.asked = []


def edited(texts, **options):
    reader = options.pop("reader", Reader())
    found = edit_as_needed(direction([1.0, 0.0], reader=reader), texts, Editor(), **options)
    return [(one.edit.text, one.strength) for one in found]


def test_each_text_gets_the_smallest_strength_that_works():
    assert edited(["-0.1", "-0.4", "-0.9"]) == [
        ("0.15", 0.5),
        ("0.09999999999999998", 1.0),
        ("0.09999999999999998", 2.0),
    ]
    assert [(s, len(texts)) for s, texts in Editor.asked] == [(0.5, 3), (1.0, 2), (2.0, 1)]


def test_a_text_that_reads_as_it_should_is_left_as_it_is():
    (found,) = edit_as_needed(direction([1.0, 0.0], reader=Reader()), ["0.5"], Editor())
    assert (found.edit.text, found.strength, found.edit.already) == ("0.5", None, True)
    assert Editor.asked == []


def test_where_no_strength_works_what_came_nearest_is_taken():
    assert edited(["-5"]) == [("-4.0", 2.0)]
    assert edited(["-10"])[0][0] == "-10"


@pytest.mark.parametrize(("own", "tried"), [(4.0, [0.5, 1.0, 2.0, 4.0]), (1.5, [0.5, 1.0, 2.0])])
def test_the_directions_own_strength_is_tried_where_it_is_larger(own, tried):
    (found,) = edit_as_needed(direction([1.0, 0.0], reader=Reader(), strength=own), ["-1.5"], Editor())
    assert [strength for strength, _ in Editor.asked] == tried
    assert found.strength == tried[-1]


def test_without_a_reader_the_realised_move_decides():
    assert edited(["-7"], reader=None, strengths=(1.0, 2.0, 4.0)) == [("-6.0", 2.0)]


def test_the_other_way_leads_from_targets_to_sources():
    assert edited(["0.4", "-3"], strengths=(-0.5, -1.0)) == [("-0.09999999999999998", -1.0), ("-3", None)]


def test_the_editor_keeps_its_goal():
    editor = Editor()
    edit_as_needed(direction([1.0, 0.0], reader=Reader()), ["-0.1"], editor)
    assert editor.strength == 0.5
    assert editor.goal is None


@pytest.mark.parametrize("strengths", [(), (1.0, -1.0), (0.0,)])
def test_strengths_go_one_way(strengths):
    with pytest.raises(LatentoptError, match="must all go one way"):
        edited(["1"], strengths=strengths)

import numpy as np
import pytest

from latentopt.directions import calibrate
from latentopt.directions.strength import STRENGTHS, content_kept
from latentopt.errors import LatentoptError
from tests.directions.synthetic import NumbersSpace, direction

SOURCES = ["0.100 0.200 0.300 0.400", "0.000 -1.000 0.500 2.000", "1.000 1.000 1.000 1.000"]
ALONG = direction([2.0, 0.0, 0.0, 0.0])


def calibrated(space, sources=SOURCES, **options):
    return calibrate(space, ALONG, sources, apply=space.apply, **options)


def test_an_editor_that_follows_is_taken_at_its_word():
    found = calibrated(NumbersSpace())
    assert [row.strength for row in found.rows] == [*STRENGTHS]
    assert [row.realised for row in found.rows] == pytest.approx([*STRENGTHS], abs=1e-3)
    assert [row.changed for row in found.rows] == [1] * len(STRENGTHS)
    assert found.strength == 1
    assert found.edits == ["2.100 0.200 0.300 0.400", "2.000 -1.000 0.500 2.000", "3.000 1.000 1.000 1.000"]


def test_an_editor_that_goes_half_the_way_is_asked_for_twice_as_much():
    zeros = ["0.000 0.200 0.300 0.400", "0.000 -1.000 0.500 2.000"]
    found = calibrated(NumbersSpace(keeps=(0.5, 1.0, 1.0, 1.0)), zeros)
    assert [row.realised for row in found.rows] == pytest.approx([0.25, 0.5, 1, 2], abs=1e-3)  # of 4, too
    assert found.strength == 2


def test_where_the_last_strength_is_the_best_more_is_tried():
    zeros = ["0.000 0.200 0.300 0.400"]
    space = NumbersSpace(keeps=(0.2, 1.0, 1.0, 1.0))
    found = calibrated(space, zeros, most=8)
    assert [row.strength for row in found.rows] == [0.5, 1, 2, 4, 8]
    assert [row.realised for row in found.rows] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6], abs=1e-3)
    assert [row.strength for row in calibrated(space, zeros, most=3).rows] == [0.5, 1, 2]


def test_the_curve_has_fluency_and_what_a_judge_reads_which_has_no_say():
    class Judge:
        def predict_score(self, texts):
            return np.array([-float(text.split()[0]) for text in texts])

    found = calibrated(NumbersSpace(), judge=Judge())
    assert [row.read for row in found.rows] == pytest.approx([-2 * s for s in STRENGTHS], abs=1e-3)
    assert found.strength == 1
    longer = [sum(len(b) - len(a) for a, b in zip(SOURCES, found.edits, strict=True)) / 3]
    assert found.rows[1].fluency == pytest.approx(-0.1 * longer[0], abs=1e-5)
    assert calibrated(NumbersSpace()).rows[0].read is None


def test_where_no_strength_moves_the_texts_it_is_one():
    zeros = ["0.000 0.200 0.300 0.400"]
    found = calibrated(NumbersSpace(keeps=(0.0, 1.0, 1.0, 1.0)), zeros, strengths=(0.5, 2.0))
    assert [row.changed for row in found.rows] == [0, 0]
    assert (found.strength, found.edits) == (1, zeros)


def test_content_that_breaks_weighs_against_a_strength():
    class Breaking(NumbersSpace):
        def decode(self, z):
            return [text if z[i, 0] < 2 else "9.999 9.999 9.999 9.999" for i, text in enumerate(super().decode(z))]

    found = calibrated(Breaking(keeps=(0.5, 1.0, 1.0, 1.0)), ["0.000 0.200 0.300 0.400"])
    assert found.strength == 0.5


def test_texts_of_nothing_lose_their_content_and_tell_nothing_of_the_move():
    class Silent(NumbersSpace):
        def decode(self, z):
            return [" " if z[i, 0] > 1 else text for i, text in enumerate(super().decode(z))]

    found = calibrated(Silent(), ["0.000 0.200 0.300 0.400"], strengths=(0.5, 1.0))
    assert [row.realised for row in found.rows] == pytest.approx([0.5, 0], abs=1e-3)
    assert found.rows[1].content == 0
    assert found.strength == 0.5


def test_it_says_what_it_needs():
    for along, sources, strengths in (
        (direction([0.0] * 4), SOURCES, (1.0,)),
        (ALONG, [], (1.0,)),
        (ALONG, SOURCES, ()),
        (ALONG, SOURCES, (0.0, 1.0)),
    ):
        with pytest.raises(LatentoptError, match="a direction that is not zero, a source or more, and positive"):
            calibrate(NumbersSpace(), along, sources, strengths=strengths)


def test_content_is_the_share_of_characters_kept():
    assert content_kept(["green bicycles"], ["green bicycles"]) == pytest.approx(1)
    assert content_kept(["green bicycles"], ["123"]) == 0
    assert 0.3 < content_kept(["green bicycles", "warm bread"], ["green bicycles", "123"]) < 0.7

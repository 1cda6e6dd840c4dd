"""What is shown first."""

from latentopt.editing.edit import Estimate
from latentopt.editing.rank import rank


def test_a_fulfilled_wish_ranks_first_then_what_is_nearest_and_most_alike():
    fair = {"similarity": 0.5, "typicality": 0.5, "fluency": 0.5}
    reached = rank(0.1, True, similarity=0.25, typicality=0.1, fluency=0.1)
    other = rank(0.1, True, similarity=0.1, typicality=0.1, fluency=0.1)  # fulfils the wish, but is no edit
    alike = rank(0.5, False, **{**fair, "similarity": 0.9})
    fluent = rank(0.5, False, **{**fair, "fluency": 0.9})
    assert sorted([other, rank(0.5, False, **fair), fluent, alike, reached]) == [
        reached,
        alike,
        fluent,
        rank(0.5, False, **fair),
        other,
    ]


def test_an_estimate_without_an_interval_has_none():
    assert Estimate(1.0).low is None

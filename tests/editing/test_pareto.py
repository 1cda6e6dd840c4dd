import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from latentopt.editing.pareto import pareto


def test_the_front_is_what_nothing_beats_in_everything():
    points = [[3, 0], [2, 2], [0, 3], [1, 1], [2, 1], [2, 2]]
    assert pareto(points).tolist() == [True, True, True, False, False, True]


def test_what_is_not_measured_is_not_on_the_front_and_beats_nobody():
    assert pareto([[np.nan, 9], [1, 1]]).tolist() == [False, True]


def test_of_no_points_the_front_is_empty():
    assert pareto(np.empty((0, 3))).tolist() == []


@given(arrays(float, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=st.integers(0, 4).map(float)))
def test_every_point_off_the_front_is_beaten_by_one_on_it(points):
    front = pareto(points)
    assert front.any()
    for point in points[~front]:
        assert ((points[front] >= point).all(1) & (points[front] > point).any(1)).any()

"""Splits: what measures a head."""

import numpy as np
import pytest

from latentopt.errors import LatentoptError
from latentopt.heads import Rows, fit_head
from latentopt.heads.splits import at_random, by_group, by_time, parted
from latentopt.heads.values import times_of

DRAW = np.random.default_rng(0)
Z = DRAW.normal(size=(1500, 4))
GROUPS = DRAW.integers(0, 60, 1500)
LEVELS = DRAW.normal(scale=3, size=60)
VALUES = LEVELS[GROUPS] + Z[:, 0] + 0.3 * DRAW.normal(size=1500)
TEXTS = ["no word"] * 1500


def rows(**more):
    return Rows(Z, TEXTS, VALUES, **more)


def test_a_split_by_group_has_no_group_on_both_sides():
    grouped = rows(groups=GROUPS)
    train, test = parted(grouped, by_group, 0)
    assert not set(train.groups.tolist()) & set(test.groups.tolist())
    assert 200 < len(test) < 400
    assert by_group(grouped, 1).tolist() != by_group(grouped, 0).tolist()


def test_a_split_by_time_measures_on_what_came_last():
    times = DRAW.permutation(1500).astype(float)
    train, test = parted(rows(times=times), by_time, 0)
    assert len(test) == 300
    assert train.times.max() < test.times.min()
    assert set(by_time(rows(times=times), 0)[times < 1200].tolist()) == {1, 2, 3, 4}


@pytest.mark.parametrize("size", [2, 4, 5])
def test_small_groups_too_have_rows_that_can_be_compared(size):
    groups = np.arange(1500) // size
    noise = fit_head(rows(groups=groups), scale="identity").report
    assert noise["rows_within"] > 0.35 * noise["rows"]
    assert noise["constant"]["r2"] == noise["group_mean"]["r2"] == 0
    assert abs(noise["head"]["r2"]) < 0.2  # of two rows of other levels a latent says little
    told = fit_head(Rows(Z, TEXTS, Z[:, 0] + LEVELS[groups % 60], groups), scale="identity", parameters={"noise": 0})
    assert told.report["head"]["r2"] > 0.8


def test_a_class_that_comes_last_alone_is_refused_and_one_that_has_gone_is_measured():
    times, classes = np.arange(1500.0), np.where(Z[:, 0] > 0, "a", "b").astype(object)
    late, gone = classes.copy(), classes.copy()
    late[1300:], gone[1200:] = "new", "a"
    with pytest.raises(LatentoptError, match="the class 'new' is in the rows that measure alone"):
        fit_head(Rows(Z, TEXTS, late, times=times), split=by_time)
    assert set(fit_head(Rows(Z, TEXTS, gone, times=times), split=by_time).report["head"]) == {"accuracy", "log_loss"}


@pytest.mark.parametrize(
    ("split", "groups", "message"),
    [
        (by_group, None, "needs groups; give --group COLUMN, or split at random"),
        (by_group, GROUPS % 4, "needs 5 groups or more, those that measure not counted, got 4"),
        (by_time, None, "needs times; give --time COLUMN, or split at random"),
    ],
)
def test_a_split_that_cannot_be_made_says_what_helps(split, groups, message):
    with pytest.raises(LatentoptError, match=message):
        split(rows(groups=groups), 0)


def test_classes_are_learned_from_some_groups_and_measured_on_others():
    signal = Z[:, 0] + 2 * Z[:, 1] * (GROUPS == 0)
    rows = Rows(Z, TEXTS, np.where(signal > 0, "a", "b").astype(object), GROUPS)
    fold = by_group(rows, 0)
    held_out = fit_head(rows, split=by_group)
    assert held_out.report["rows"] == (fold == 0).sum()
    assert held_out.report["head"]["accuracy"] > 0.95
    with pytest.raises(LatentoptError, match="classes have no levels of groups; --split group holds whole groups out"):
        fit_head(rows)


def test_intervals_of_groups_that_were_never_seen_cover_them():
    fitted = fit_head(rows(groups=GROUPS), scale="identity", parameters={"noise": 0.0}, split=by_group)
    assert fitted.report["interval"]["unseen_groups"]
    assert 0.8 <= fitted.report["interval"]["coverage"] <= 1.0
    known = fit_head(rows(groups=GROUPS), scale="identity", parameters={"noise": 0.0}, split=at_random)
    assert 0.86 < known.report["interval"]["coverage"] < 0.94
    assert fitted.report["interval"]["width"] > 3 * known.report["interval"]["width"]


def test_a_known_group_has_its_own_level_and_an_unseen_one_a_wide_interval():
    names = np.array([f"account {g}" for g in GROUPS], dtype=object)
    fitted = fit_head(rows(groups=names), scale="identity", parameters={"noise": 0.0})
    high = fitted.with_group(f"account {LEVELS.argmax()}")
    assert high.head.typical == pytest.approx(LEVELS.max(), abs=0.5)
    assert high.shown.typical == pytest.approx(high.head.typical)
    assert high.reader.typical == pytest.approx(high.head.typical, abs=0.5)
    wide, usual = (np.ptp(each.head.interval(Z[:5]), axis=1) for each in (fitted.for_unseen_group(), fitted))
    assert (wide > 3 * usual).all()
    with pytest.raises(LatentoptError, match="'nobody' is no group that the head was fitted with"):
        fitted.with_group("nobody")


def test_times_are_numbers_or_dates():
    assert times_of(["2019", 2020], "year") == [2019.0, 2020.0]
    early, late = times_of(["2026-11-25", "2026-11-25T12:00:00+00:00"], "when")
    assert late - early == 12 * 3600
    with pytest.raises(LatentoptError, match="the times of 'when' are numbers or dates such as 2026-11-25, got 'soon'"):
        times_of(["2026-11-25", "soon"], "when")

"""The search for a head, on latents of the toy space."""

import contextlib
import logging
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
from optuna.trial import TrialState

from latentopt.errors import LatentoptError
from latentopt.heads import tune
from latentopt.heads.rows import Rows, rows_of
from latentopt.heads.trials import opened
from latentopt.heads.tune import tune_head
from property_models import MLP, RIDGE
from tests.heads.sentences import AUTHORS, LENGTHS, TEXTS
from tests.kill import child


def test_a_search_does_at_least_as_well_as_its_first_trial(lengths):
    errors: list[float] = []
    fitted = tune_head(lengths, trials=4, scale="identity", progress=lambda done, best: errors.append(best))
    assert len(errors) == 4
    assert errors == sorted(errors, reverse=True)
    assert fitted.report["trials"] == 4
    assert fitted.report["head"]["r2"] > 0.2


def test_each_trial_is_logged_with_its_settings(lengths):
    logged: list[dict] = []
    fitted = tune_head(lengths, trials=3, families=[RIDGE], scale="identity", log=logged.append)
    assert [row["error"] for row in logged] == fitted.report["history"]
    assert [row["best error"] for row in logged] == np.minimum.accumulate(fitted.report["history"]).tolist()
    best = min(logged, key=lambda row: row["error"])
    assert {name: best[name] for name in ("alpha", "noise")}.items() <= fitted.head.get_params().items()


def test_of_enough_trials_it_is_told_which_settings_matter(lengths):
    few = lengths.take(np.arange(80))
    fitted = tune_head(few, trials=10, families=[RIDGE], scale="identity")
    assert set(fitted.report["importances"]) == {"family", "alpha", "noise"}
    assert fitted.report["importances"]["family"] == 0  # there was one
    assert sum(fitted.report["importances"].values()) == pytest.approx(1)
    assert "importances" not in tune_head(few, trials=9, families=[RIDGE], scale="identity").report


@pytest.mark.parametrize(("families", "kind"), [([RIDGE], "ridge"), ([MLP], "mlp-regressor")])
def test_a_search_keeps_to_the_families_that_are_given(lengths, families, kind):
    few = lengths.take(np.arange(80))
    assert tune_head(few, trials=2, families=families, scale="identity").head.kind == kind


def test_a_search_without_time_has_one_trial(lengths):
    assert tune_head(lengths, trials=5, timeout=1e-9, scale="identity").report["trials"] == 1


def test_a_search_of_grouped_rows_chooses_by_what_texts_add_within_them(space):
    level = np.array([30.0 * (i % 4) for i in range(400)])
    rows = rows_of(space, TEXTS, (level + LENGTHS).tolist(), groups=AUTHORS)
    errors: list[float] = []
    fitted = tune_head(rows, trials=2, families=[RIDGE], scale="identity", progress=lambda _, best: errors.append(best))
    assert errors[-1] < 2 * np.var(LENGTHS)  # levels, of variance 1125, are no part of it
    assert fitted.report["head"]["r2"] > 0.2


def test_a_killed_search_goes_on_with_what_is_left(lengths, tmp_path):
    done: list[int] = []

    def killed(number, best):
        done.append(number)
        if number == 2:
            raise RuntimeError("killed")

    options = {"families": [RIDGE], "scale": "identity", "storage": tmp_path / "trials"}
    with pytest.raises(RuntimeError, match="killed"):
        tune_head(lengths, trials=4, progress=killed, **options)
    again: list[int] = []
    fitted = tune_head(lengths, trials=4, progress=lambda number, _: again.append(number), **options)
    assert (done, again) == ([1, 2], [3, 4])
    assert fitted.report["trials"] == 4
    undisturbed = tune_head(lengths, trials=4, **options | {"storage": None})
    assert fitted.report["history"] == undisturbed.report["history"]
    assert (
        tune_head(lengths, trials=4, progress=lambda *_: pytest.fail("nothing is left"), **options).report["trials"]
        == 4
    )


def test_what_a_kill_leaves_of_a_trial_of_a_line_and_of_a_lock_is_mended(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with opened("some.trials", "lengths") as (study, alone):
        assert alone
        study.ask()
    with Path("some.trials").open("ab") as file:
        file.write(b'{"op_code":')
    Path("some.trials.lock").symlink_to("some.trials")
    with opened("some.trials", "lengths") as (study, alone):
        assert alone
        assert [trial.state for trial in study.trials] == [TrialState.FAIL]
        running = study.ask()
        with opened("some.trials", "lengths") as (other, alone):
            assert not alone
            assert other.trials[running.number].state == TrialState.RUNNING


def test_a_search_that_keeps_nothing_needs_no_locks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "fcntl", None)  # as on Windows
    with opened(None, "lengths") as (study, alone):
        assert (study.trials, alone) == ([], True)
    with pytest.raises(LatentoptError, match="trials cannot be kept there"), opened("some.trials", "lengths"):
        pass


def test_trials_on_other_rows_are_another_search(lengths, tmp_path):
    options = {"families": [RIDGE], "scale": "identity", "storage": tmp_path / "trials"}
    tune_head(lengths, trials=2, **options)
    seen: list[int] = []
    tune_head(lengths.take(np.arange(300)), trials=1, progress=lambda number, _: seen.append(number), **options)
    assert seen == [1]


def test_ctrl_c_keeps_the_best_so_far(lengths):
    def pressed(number, best):
        if number == 2:
            raise KeyboardInterrupt

    fitted = tune_head(lengths, trials=9, families=[RIDGE], scale="identity", progress=pressed)
    assert fitted.report["interrupted"]
    assert fitted.report["trials"] == 2


def test_ctrl_c_within_a_trial_keeps_the_best_so_far_and_says_nothing_of_its_own(lengths, monkeypatch):
    measured = tune._error
    errors: list[float] = []

    def pressed(*given):
        if len(errors) == 2:
            raise KeyboardInterrupt
        errors.append(measured(*given))
        return errors[-1]

    said: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = said.append
    logging.getLogger("optuna").addHandler(handler)
    monkeypatch.setattr(tune, "_error", pressed)
    try:
        fitted = tune_head(lengths, trials=9, families=[RIDGE], scale="identity")
    finally:
        logging.getLogger("optuna").removeHandler(handler)
    assert fitted.report["interrupted"]
    assert fitted.report["history"] == errors
    assert [record.getMessage() for record in said] == []


@pytest.mark.parametrize("storage", ["postgresql://nobody@localhost:1/none", "nonsense://x", "{folder}"])
def test_a_storage_that_cannot_be_reached_is_an_error(lengths, tmp_path, storage):
    with pytest.raises(LatentoptError, match="trials cannot be kept there"):
        tune_head(lengths, trials=1, storage=storage.format(folder=tmp_path))


@pytest.mark.parametrize("content", [b"no line of trials", b"SQLite format 3\0\nand\nmore", b"{}"])
def test_a_file_of_something_else_is_left_as_it_is(lengths, tmp_path, content):
    place, lock = tmp_path / "poetry", tmp_path / "poetry.lock"
    place.write_bytes(content)
    lock.write_text("another's")
    with pytest.raises(LatentoptError, match=r"kept there \(it holds something else than trials\); give a file"):
        tune_head(lengths, trials=1, storage=place)
    assert place.read_bytes() == content
    assert lock.read_text() == "another's"


def work(storage: str, told: Connection) -> None:
    """A worker of a search, in a process of its own: it tells the number of trials that are done."""
    z = np.random.default_rng(0).normal(size=(120, 3))
    rows = Rows(z, [f"text {i}" for i in range(120)], z[:, 0] + 1.0)

    def slowly(done: int, best: float) -> None:
        told.send(done)
        time.sleep(0.2)

    tune_head(rows, trials=12, families=[RIDGE], scale="identity", storage=storage, progress=slowly)


def test_two_workers_share_one_database_though_one_is_killed(tmp_path):
    storage, told = f"sqlite:///{tmp_path}/trials.db", []
    (doomed, of_doomed), (other, of_other) = (child.start_worker(work, storage) for _ in range(2))
    assert of_doomed.recv()  # it has finished a trial
    doomed.kill()
    doomed.join()
    with contextlib.suppress(EOFError):
        while True:
            told.append(of_other.recv())
    other.join()
    assert other.exitcode == 0
    assert told[-1] == 12
    assert len(told) < 12  # the trials of the killed one count

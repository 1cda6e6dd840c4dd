"""Killed anywhere, on a full disk, in a folder that cannot be written: nothing is lost, and what was there is whole."""

import os
import random
import subprocess
from pathlib import Path

import pytest

from tests.kill.harness import Bench, digest, few_bytes, undisturbed, verbs

KILLS = int(os.environ.get("LATENTOPT_KILLS", "2"))  # of each verb
NAMES = ["encode", "decode", "predict", "optimize", "apply", "fit", "direction", "tune", "train"]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.mark.parametrize("name", NAMES)
def test_run_again_the_end_is_that_of_an_undisturbed_run(bench, tmp_path, name):
    verb = verbs(bench.folder)[name]
    seconds = undisturbed(bench, name, verb)
    bench.disturbed(name, verb, tmp_path, random.Random(name), KILLS, seconds)
    for made in verb.makes:
        assert digest(tmp_path / made) == digest(bench.folder / "whole" / name / made)


def test_the_end_of_actors_is_that_of_one_process_though_all_are_killed(bench, tmp_path):
    pytest.importorskip("ray")
    plain, verb = (verbs(bench.folder)[name] for name in ("encode", "ray"))
    arguments = [*verb.arguments, *verb.again, "--workers", "1"]  # each takes seconds to start
    (tmp_path / "plain").mkdir()
    bench.must(plain.arguments, tmp_path / "plain")
    bench.kill_midway(arguments, tmp_path, "z.parquet")
    bench.must(arguments, tmp_path)
    assert digest(tmp_path / "z.parquet") == digest(tmp_path / "plain" / "z.parquet")


def test_every_verb_that_writes_is_killed(bench):
    assert {*verbs(bench.folder)} == {*NAMES, "ray"}


@pytest.mark.parametrize(("name", "most"), [("encode", 2000), ("predict", 1500), ("fit", 500), ("direction", 100)])
def test_a_full_disk_is_one_line_of_error_and_earlier_files_stay(bench, tmp_path, name, most):
    verb = verbs(bench.folder)[name]
    bench.must(verb.arguments, tmp_path)
    before = {made: digest(tmp_path / made) for made in verb.makes}
    code, said = bench.ended(verb.arguments, tmp_path, prepare=few_bytes(most))
    assert code == 1, said
    assert "File too large" in said
    assert said.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in said
    assert {made: digest(tmp_path / made) for made in verb.makes} == before
    left = {path.name for path in tmp_path.iterdir()} - {*verb.makes, "said"}
    assert all(name.endswith(".part") for name in left)
    if left:
        bench.must([*verb.arguments, *verb.again], tmp_path)  # with room again, it goes on
        assert {made: digest(tmp_path / made) for made in verb.makes} == before


@pytest.mark.parametrize("name", ["encode", "apply", "fit", "direction"])
def test_a_folder_that_cannot_be_written_is_one_line_of_error(bench, tmp_path, read_only, name):
    verb = verbs(bench.folder)[name]
    made = [str(read_only / word) if word in verb.makes else word for word in verb.arguments]
    code, said = bench.ended(made, tmp_path)
    assert code in (1, 2)
    assert said.splitlines()[-1].lower().startswith("error: ")
    assert "Traceback" not in said
    assert str(read_only) in said


@pytest.fixture
def read_only(tmp_path):
    """A folder in which nothing can be made, by root neither."""
    place = tmp_path / "locked"
    place.mkdir()
    place.chmod(0o500)
    if os.geteuid() != 0:
        yield place
    elif subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", str(place)], capture_output=True).returncode:
        yield Path("/proc/sys")  # nobody makes files there
    else:
        yield place
        subprocess.run(["umount", "--lazy", str(place)], check=True)

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from latentopt.tables import atomic, atomic_directory, atomic_update, atomic_write
from tests.tables.failing import failing_at_each_step

REPOSITORY = Path(__file__).parents[2]
OLD = {"about": "old", "density": "old", "notes/mine": "old", "weights": "old"}
NEW = {"about": "new", "weights": "new"}


def content(folder):
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def make(folder):
    (folder / "notes").mkdir(parents=True)
    for name in OLD:
        (folder / name).write_text("old")
    return folder


def write_new(folder, how=atomic_directory):
    with how(folder) as temporary:
        for name in NEW:
            (temporary / name).write_text("new")


def test_a_file_appears_whole_and_alone(tmp_path):
    path = tmp_path / "new" / "result.json"
    with atomic_write(path) as temporary:
        temporary.write_text("done")
        assert not path.exists()
        assert temporary.suffix == ".json"
    assert path.read_text() == "done"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "result.json"
    path.write_text("earlier")
    with pytest.raises(KeyboardInterrupt), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_replaces_the_earlier_one_whole(tmp_path):
    path = tmp_path / "model"
    for content in ("first", "second"):
        with atomic_directory(path) as temporary:
            (temporary / "part").mkdir()
            (temporary / "part" / content).write_text(content)
    assert [file.name for file in path.rglob("*")] == ["part", "second"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_directory_leaves_the_earlier_one(tmp_path):
    path = tmp_path / "model"
    path.mkdir()
    (path / "weights").write_text("earlier")
    with pytest.raises(ValueError, match="no"), atomic_directory(path) as temporary:
        (temporary / "weights").write_text("half")
        raise ValueError("no")
    assert (path / "weights").read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named_before_the_work(tmp_path):
    path = tmp_path / "file" / "result.json"
    path.parent.write_text("not a folder")
    with pytest.raises(OSError) as caught, atomic_write(path):
        pytest.fail("the block was entered")
    assert str(tmp_path / "file") in str(caught.value)


class TestKilled:
    """A process that dies after any line of the writer's code."""

    def after(self, tmp_path, *arguments):
        command = [sys.executable, "-m", "tests.tables.killed_writer", arguments[0], str(tmp_path), *arguments[1:]]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    @pytest.mark.parametrize(
        ("what", "old", "new"),
        [("file", "old", "new"), ("folder", OLD, NEW), ("update", OLD, {**NEW, "notes/mine": "old"})],
    )
    def test_at_any_line_the_old_one_or_the_new_one_is_found_whole(self, tmp_path, what, old, new):
        after = self.after(tmp_path, what)
        first_new = after.index(new)
        assert first_new > 10  # so many deaths there were before the step
        assert after == [old] * first_new + [new] * (len(after) - first_new)

    @pytest.mark.parametrize(("what", "new"), [("folder", NEW), ("update", {**NEW, "notes/mine": "old"})])
    def test_a_file_system_that_cannot_exchange_folders_has_none_for_a_moment(self, tmp_path, what, new):
        after = self.after(tmp_path, what, "unable")
        old, none = after.index(None), after.count(None)
        assert old > 10
        assert none <= 2
        assert after == [OLD] * old + [None] * none + [new] * (len(after) - old - none)  # never half of one


def unable(*_):
    raise OSError(errno.EINVAL, "a file system that cannot exchange folders")


@pytest.mark.parametrize("how", [atomic_directory, atomic_update])
@pytest.mark.parametrize("exchange", [atomic.exchange, unable], ids=["exchange", "no exchange"])
def test_any_step_that_fails_leaves_the_old_one_or_the_new_one_whole_and_nothing_else(
    tmp_path, monkeypatch, how, exchange
):
    new = NEW if how is atomic_directory else NEW | {"density": "old", "notes/mine": "old"}
    folder = make(tmp_path / "work" / "likes")
    found = []
    for _ in failing_at_each_step(monkeypatch, lambda: write_new(folder, how), exchange=exchange):
        assert [entry.name for entry in folder.parent.iterdir()] == ["likes"]
        found.append(content(folder))
        shutil.rmtree(folder)
        make(folder)
    assert found[0] == OLD
    assert all(state in (OLD, new) for state in found)
    assert found[-1] == new


class TestUpdate:
    def test_what_else_lies_there_stays_and_what_is_void_goes(self, tmp_path):
        folder = make(tmp_path / "model")
        (folder / "link").symlink_to("notes")
        with atomic_update(folder, void={"density", "never there"}) as temporary:
            (temporary / "weights").write_text("new")
        assert content(folder) == {"about": "old", "notes/mine": "old", "weights": "new"}
        assert (folder / "link").readlink() == Path("notes")
        assert list(tmp_path.iterdir()) == [folder]

    def test_a_folder_is_made_where_there_is_none(self, tmp_path):
        write_new(tmp_path / "models" / "new", atomic_update)
        assert content(tmp_path / "models" / "new") == NEW


def test_the_working_folder_stays_the_same_folder(tmp_path, monkeypatch):
    for how, left in ((atomic_directory, {}), (atomic_update, {"density": "old", "notes/mine": "old"})):
        folder = make(tmp_path / how.__name__)
        monkeypatch.chdir(folder)
        write_new(Path(), how)
        assert content(folder) == content(Path()) == NEW | left
        assert not list(folder.glob(".*"))


def test_a_link_keeps_leading_to_the_folder(tmp_path):
    make(tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    write_new(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert content(tmp_path / "real") == NEW


def test_a_file_where_the_folder_shall_be_is_named(tmp_path):
    (tmp_path / "likes").write_text("mine")
    with pytest.raises(NotADirectoryError) as caught:
        write_new(tmp_path / "likes")
    assert caught.value.filename == str(tmp_path / "likes")
    assert (tmp_path / "likes").read_text() == "mine"


@pytest.mark.parametrize(("umask", "file_mode", "folder_mode"), [(0o022, 0o644, 0o755), (0o027, 0o640, 0o750)])
def test_modes_follow_the_umask_and_not_the_writer(tmp_path, umask, file_mode, folder_mode):
    before = os.umask(umask)
    try:
        with atomic_write(tmp_path / "vector.safetensors") as temporary:
            save_file({"vector": torch.zeros(2)}, temporary)
        with atomic_directory(tmp_path / "head") as temporary:
            save_file({"vector": torch.zeros(2)}, temporary / "weights.safetensors")
        (tmp_path / "head" / "mine").write_text("for my eyes")
        (tmp_path / "head" / "mine").chmod(0o600)
        with atomic_update(tmp_path / "head") as temporary:
            save_file({"vector": torch.ones(2)}, temporary / "weights.safetensors")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {
        "vector.safetensors": file_mode,
        "head": folder_mode,
        "weights.safetensors": file_mode,
        "mine": 0o600,
    }


@pytest.mark.parametrize("full", ["file", "folder"])
def test_a_disk_that_is_full_while_tensors_are_written_is_an_error_of_the_system(tmp_path, full):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "new"), full], capture_output=True, text=True, cwd=REPOSITORY
    )
    assert done.stdout == f"{errno.EFBIG} {os.strerror(errno.EFBIG)} {tmp_path / 'new'}\n", done.stderr
    assert list(tmp_path.iterdir()) == []


FULL = """
import resource, signal, sys
import numpy
from safetensors.numpy import save_file
from latentopt.tables import atomic_update, atomic_write
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
path, full = sys.argv[1:]
try:
    with (atomic_write if full == "file" else atomic_update)(path) as temporary:
        save_file({"a": numpy.zeros(1000)}, temporary if full == "file" else temporary / "a.safetensors")
except OSError as error:
    print(error.errno, error.strerror, error.filename)
"""

import pytest

from latentopt.tables import atomic_directory, atomic_write


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

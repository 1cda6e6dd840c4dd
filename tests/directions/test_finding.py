from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from latentopt.directions import Direction, bundled_directions, load_direction
from latentopt.errors import LatentoptError


@pytest.fixture
def space(tmp_path):
    folder = tmp_path / "model"
    for name in ("positive", "civil"):
        Direction(torch.ones(2), name=name, space="abc").save_pretrained(folder / "directions" / f"{name}.safetensors")
    return SimpleNamespace(path=folder, fingerprint="abc")


def test_names_and_files_are_found(space, tmp_path):
    Direction(torch.zeros(2), name="mine", space="abc").save_pretrained(tmp_path / "mine.safetensors")
    assert list(bundled_directions(space)) == ["civil", "positive"]
    assert load_direction("civil", space).name == "civil"
    assert load_direction(tmp_path / "mine.safetensors", space).name == "mine"


def test_what_a_killed_writer_left_is_no_direction(space):
    (space.path / "directions" / ".civil.01ab.tmp.safetensors").write_text("half")
    assert list(bundled_directions(space)) == ["civil", "positive"]


@pytest.mark.parametrize("name", ["formal", "../directions/civil", "formal.safetensors", ""])
def test_what_is_unknown_lists_what_is_known(space, name):
    with pytest.raises(LatentoptError, match="there is no such direction file, and this model knows civil, positive;"):
        load_direction(name, space)


def test_a_model_without_directions_says_so():
    space = SimpleNamespace(path=None, fingerprint="abc")
    assert bundled_directions(space) == {}
    with pytest.raises(LatentoptError, match="and this model came with none; 'latentopt direction --pairs FILE'"):
        load_direction("civil", space)


def test_a_direction_of_another_space_is_refused(space):
    space.fingerprint = "xyz"
    with pytest.raises(LatentoptError, match="belongs to the latent space abc, not to xyz"):
        load_direction("civil", space)


def test_a_file_in_this_folder_comes_first_where_it_fits_and_hides_nothing_where_not(space, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Direction(torch.zeros(2), name="other", space="xyz").save_pretrained(tmp_path / "civil.safetensors")
    with pytest.warns(
        UserWarning, match=r"the direction in \./civil\.safetensors is damaged or of another latent space"
    ):
        assert load_direction("civil", space).name == "civil"
    Direction(torch.zeros(2), name="mine", space="abc").save_pretrained(tmp_path / "civil.safetensors")
    assert load_direction("civil", space).name == "mine"


def test_a_path_is_that_file_or_an_error(space, tmp_path):
    Direction(torch.zeros(2), name="other", space="xyz").save_pretrained(tmp_path / "civil.safetensors")
    with pytest.raises(LatentoptError, match="belongs to the latent space xyz, not to abc"):
        load_direction(tmp_path / "civil.safetensors", space)
    with pytest.raises(LatentoptError, match=r"^civil: there is no such file"):
        load_direction(Path("civil"), space)  # no name

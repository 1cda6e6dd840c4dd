import warnings
from pathlib import Path

import numpy as np
import pytest

from latentopt.errors import LatentoptError
from latentopt.heads import bundled_heads, load_head, save_head
from latentopt.heads.finding import head_directory
from latentopt.space import LatentSpace
from property_models import RidgeHead
from tests.toy import toy_space


@pytest.fixture
def space(tmp_path):
    toy_space().save_pretrained(tmp_path / "model")
    return LatentSpace.from_pretrained(tmp_path / "model")


def saved(space, directory, fingerprint=None):
    x = np.random.default_rng(0).normal(size=(30, space.latent_dim))
    save_head(RidgeHead().fit(x, x[:, 0]), directory, name="length", space=fingerprint or space.fingerprint)


def test_a_head_is_found_by_its_directory_or_by_its_name_in_the_model(space, tmp_path):
    saved(space, tmp_path / "mine")
    saved(space, space.path / "heads" / "length")
    assert load_head(tmp_path / "mine", space).name == "length"
    assert load_head("length", space).name == "length"
    assert list(bundled_heads(space)) == ["length"]


def test_an_unknown_head_is_an_error_that_names_those_there_are(space):
    with pytest.raises(LatentoptError, match="mood: there is no such head, and this model came with none"):
        load_head("mood", space)
    saved(space, space.path / "heads" / "length")
    with pytest.raises(LatentoptError, match="mood: there is no such head, and this model knows length"):
        load_head("mood", space)


def test_a_head_of_another_space_is_refused(space, tmp_path):
    saved(space, tmp_path / "other", fingerprint="0123")
    with pytest.raises(LatentoptError, match="was fitted on another latent space"):
        load_head(tmp_path / "other", space)


def test_a_path_is_that_place_and_no_name(space, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved(space, space.path / "heads" / "length")
    with pytest.raises(LatentoptError, match="length: a head is a directory with"):
        load_head(Path("length"), space)
    saved(space, tmp_path / "length", fingerprint="0123")
    for place in (Path("length"), "./length"):
        with pytest.raises(LatentoptError, match="was fitted on another latent space"):
            load_head(place, space)
    (tmp_path / "length" / "head.json").write_text("{")
    with pytest.raises(LatentoptError, match="the head is damaged"):
        load_head(Path("length"), space)


def test_a_folder_here_hides_a_head_of_the_model_only_if_it_is_one_of_the_space(space, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved(space, space.path / "heads" / "length")
    where = tmp_path / "length"
    where.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a folder that is no head is not worth a word
        assert head_directory("length", space) == space.path / "heads" / "length"
    saved(space, where, fingerprint="0123")  # what `latentopt fit --model` wrote for another model
    with pytest.warns(UserWarning, match=r"the head in \./length is damaged or of another latent space"):
        assert load_head("length", space).name == "length"
    saved(space, where)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert head_directory("length", space).resolve() == where

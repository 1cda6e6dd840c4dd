import copy

import pytest
import torch

from latentopt.directions import Direction, bundled_directions, load_direction
from tests.toy import toy_space


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space = toy_space()
    east, north = torch.zeros(2, space.pooled_dim)
    east[0], north[0], north[1] = 1.0, 1.0, 1.0
    options = {"space": space.fingerprint}
    Direction(east, name="east", strength=2.0, statistics={"sources": 7}, **options).save_pretrained("east.safetensors")
    Direction(north, name="north", **options).save_pretrained("north.safetensors")
    Direction(east, name="other", space="xyz").save_pretrained("other.safetensors")
    return tmp_path


def test_those_of_this_folder_that_fit_are_listed(cli, cli_json, folder):
    assert cli_json("directions", "list")["directions"] == [
        {"name": "east", "strength": 2.0, "verdict": None, "place": "east.safetensors"},
        {"name": "north", "strength": 1.0, "verdict": None, "place": "north.safetensors"},
    ]
    lines = cli("directions", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["name", "east", "north"]


def test_one_of_this_folder_does_not_stand_for_the_models_own(folder):
    space = copy.copy(toy_space())
    space.path = folder / "model"
    (folder / "model/directions").mkdir(parents=True)
    own = Direction(torch.ones(space.pooled_dim), name="east", space=space.fingerprint, strength=3.0)
    own.save_pretrained(folder / "model/directions/east.safetensors")
    assert load_direction("east", space).strength == 2.0
    assert load_direction(bundled_directions(space)["east"], space).strength == 3.0


def test_where_there_are_none_it_says_how_to_make_one(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "there are none; `latentopt direction --pairs FILE` makes one" in cli("directions", "list").stdout


def test_two_are_compared(cli, cli_json, folder):
    (pair,) = cli_json("directions", "compare", "east", "north")["pairs"]
    assert (pair["first"], pair["second"], pair["steps"]) == ("east", "north", 0.5)
    assert pair["cosine"] == pytest.approx(0.5**0.5)
    assert "0.71" in cli("directions", "compare", "east", "north").stdout


def test_what_was_measured_is_shown(cli, cli_json, folder):
    assert cli_json("directions", "show", "east")["directions"][0]["statistics"] == {"sources": 7}
    assert cli("directions", "show", "east").stdout == "east: strength 2; sources 7; not judged\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "east"], "list takes no names"),
        (["show"], "show takes a direction or more"),
        (["compare", "east"], "compare takes two directions or more"),
        (["add"], "'add' is not one of 'list', 'show', 'compare'"),
    ],
)
def test_wrong_usage(cli, arguments, message):
    result = cli("directions", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in " ".join(result.stderr.split())


def test_one_of_another_space_is_refused(cli, folder):
    result = cli("directions", "show", "other.safetensors")
    assert result.exit_code == 1 and "belongs to the latent space xyz" in result.stderr

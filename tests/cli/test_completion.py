"""What the tab key offers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

import latentopt
from latentopt.cli import main


def offered(*words: str) -> list[str]:
    """What is offered in the place of the last of the words."""
    *before, incomplete = words
    shell = BashComplete(main, {}, "latentopt", "_LATENTOPT_COMPLETE")
    return [item.value for item in shell.get_completions(list(before), incomplete)]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def head(folder: Path, **about: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "head.json").write_text(json.dumps(about))
    return folder


def test_verbs_and_options() -> None:
    assert offered("opt") == ["optimize"]
    assert offered("optimize", "--tar") == ["--target"]


def test_wishes_name_heads_and_classes() -> None:
    wishes = offered("optimize", "--target", "")
    assert {"likes=", "likes=VALUE", "sentiment=negative", "sentiment=positive"} <= set(wishes)
    assert "sentiment=" not in wishes  # a class is wished for, and no number
    assert offered("optimize", "--at-least", "lik") == ["likes=", "likes=VALUE"]
    assert offered("optimize", "--target", "sentiment=p") == ["sentiment=positive"]
    assert offered("optimize", "--maximize", "sent") == ["sentiment"]


def test_predict_offers_each_head_once() -> None:
    names = offered("predict", "")
    assert {"likes", "sentiment"} <= set(names)
    assert len(set(names)) == len(names)
    assert offered("predict", "likes,") == [f"likes,{name}" for name in names if name != "likes"]
    assert offered("evaluate-head", "lik") == ["likes"]


def test_directions_of_the_model_and_of_this_folder(elsewhere: Path) -> None:
    (elsewhere / "curt.safetensors").touch()
    assert offered("apply", "") == [*sorted(["curt", *bundled_directions()])]
    assert offered("apply", "cu") == ["curt"]
    assert offered("directions", "show", "cu") == ["curt"]


def bundled_directions() -> list[str]:
    return [file.stem for file in (Path(latentopt.__file__).parent / "pretrained/directions").glob("*.safetensors")]


def test_those_of_the_model_that_is_named(elsewhere: Path) -> None:
    head(elsewhere / "mine/heads/clicks", name="clicks")
    assert offered("optimize", "--model", "mine", "--maximize", "") == ["clicks"]


def test_heads_that_are_given(elsewhere: Path) -> None:
    head(elsewhere / "mood", name="mood", classes=["glad", "sad"])
    assert offered("optimize", "--head", "mood", "--target", "mood") == ["mood=glad", "mood=sad"]


def test_a_damaged_head_is_passed_over(elsewhere: Path) -> None:
    head(elsewhere / "mine/heads/clicks")
    (elsewhere / "mine/heads/clicks/head.json").write_text("{")
    assert offered("optimize", "--model", "mine", "--target", "") == ["clicks=", "clicks=VALUE"]


def test_bash_completes_and_nothing_heavy_is_loaded(tmp_path: Path) -> None:
    command = tmp_path / "latentopt"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -X importtime -m latentopt "$@" 2>> "{tmp_path}/imports"\n')
    command.chmod(0o755)
    script = (
        'eval "$(_LATENTOPT_COMPLETE=bash_source latentopt)"; COMP_WORDS=(latentopt apply ci); COMP_CWORD=2; '
        '_latentopt_completion latentopt; echo "${COMPREPLY[@]}"'
    )
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(latentopt.__file__).parents[1]),
    }
    done = subprocess.run(["bash", "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == ["civil"], done.stderr
    loaded = {line.rpartition("|")[2].strip() for line in (tmp_path / "imports").read_text().splitlines()}
    assert loaded.isdisjoint({"torch", "transformers", "pandas", "numpy"})

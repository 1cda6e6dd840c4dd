"""What the tab key offers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete, get_completion_class

import latentopt
from latentopt.cli import main
from tests import snippets


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


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment whose `latentopt` is this one; what it imports is written to `imports`."""
    command = tmp_path / "latentopt"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -X importtime -m latentopt "$@" 2>> "{tmp_path}/imports"\n')
    command.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(latentopt.__file__).parents[1]),
        "HOME": str(tmp_path),
        "TERM": "dumb",
    }


def documented(shell: str) -> str:
    """What `docs/how-to/completion.md` says to write for a shell."""
    page = snippets.REPOSITORY / "docs/how-to/completion.md"
    found = [*snippets.blocks(page, "sh"), *snippets.blocks(page, "text")]
    return next(block for block in found if f"{shell}_source" in block)


def test_bash_completes_and_nothing_heavy_is_loaded(tmp_path: Path, environment: dict[str, str]) -> None:
    script = documented("bash") + (
        'COMP_WORDS=(latentopt apply ci); COMP_CWORD=2; _latentopt_completion latentopt; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == ["civil"], done.stderr
    loaded = {line.rpartition("|")[2].strip() for line in (tmp_path / "imports").read_text().splitlines()}
    assert loaded.isdisjoint({"torch", "transformers", "pandas", "numpy"})


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish: apt-get install fish")
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("latentopt apply ci", ["civil"]),
        ("latentopt optimize --target sentiment=p", ["sentiment=positive"]),
        ("latentopt predict likes,sent", ["likes,sentiment"]),
    ],
)
def test_fish_completes(typed: str, expected: list[str], tmp_path: Path, environment: dict[str, str]) -> None:
    script = f"{documented('fish')}\ncomplete --do-complete '{typed}'"
    done = subprocess.run(["fish", "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == expected, done.stderr


def test_the_script_for_fish_cuts_at_the_first_comma_alone() -> None:
    """Also where there is no fish, and with a click whose script is another."""
    shell = get_completion_class("fish")
    assert shell is not None
    script = shell(main, {}, "latentopt", "_LATENTOPT_COMPLETE").source()
    assert script.count('","') == script.count('split --max 1 ","') == 1


@pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh: apt-get install zsh")
@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("latentopt apply ci", "latentopt apply civil "),
        ("latentopt optimize --target sentiment=p", "latentopt optimize --target sentiment=positive "),
        ("latentopt predict likes,sent", "latentopt predict likes,sentiment "),
    ],
)
def test_zsh_completes(typed: str, becomes: str, tmp_path: Path, environment: dict[str, str]) -> None:
    """The shell has a terminal of its own; its answer is what a line holds when the tab key was pressed."""
    (tmp_path / ".zshrc").write_text(documented("zsh").replace("compinit\n", "compinit -u\n"))  # asks no question
    (tmp_path / "drive").write_text(
        "zmodload zsh/zpty\n"
        "zpty shell zsh -i\n"
        # The line is printed when the tab key has done its work, and not run.
        "zpty -w shell 'accept() { print -r -- \"<<$BUFFER>>\"; exit }; zle -N accept; bindkey ^X accept'\n"
        f"zpty -w -n shell '{typed}'$'\\t\\x18'\n"
        "while zpty -r shell line; do print -rn -- $line; done\n"
    )
    done = subprocess.run(["zsh", "-f", "drive"], env=environment, cwd=tmp_path, capture_output=True, timeout=300)
    assert f"<<{becomes}>>".encode() in done.stdout, (done.stdout, done.stderr)

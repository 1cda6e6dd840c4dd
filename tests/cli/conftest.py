import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import wandb
from click.testing import CliRunner, Result

from latentopt.cli import main


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the toy space, for --model."""
    from tests.toy import toy_space

    directory = tmp_path_factory.mktemp("models") / "toy"
    toy_space().save_pretrained(directory)
    return directory


@pytest.fixture(scope="session")
def cli(toy_model: Path):
    """Return a function that runs a verb on the toy model and gives its result."""

    def run(verb: str, *arguments: object, input: str | bytes | None = None) -> Result:
        words = [verb, "--model", str(toy_model), *map(str, arguments)]
        return CliRunner().invoke(main, words, input=input)

    return run


@pytest.fixture(scope="session")
def cli_json(cli):
    """Return a function that runs a verb with --json and gives the document."""

    def run(verb: str, *arguments: object, input: str | bytes | None = None) -> dict:
        result = cli(verb, "--json", *arguments, input=input)
        assert result.exit_code == 0, result.stderr
        document = json.loads(result.stdout)
        assert document.pop("version") == 1
        return document

    return run


@pytest.fixture
def wandb_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder in which wandb keeps the runs of a test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    yield tmp_path / "wandb"
    wandb.teardown()  # it remembers the folder of a process's first run for all that follow

"""`latentopt train`, a few steps of it, as its users run it. That it learns and resumes: tests/test_training.py."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from latentopt.cli import main
from latentopt.space import LatentSpace
from tests.toy import toy_texts

TINY = ["--d-model", 16, "--layers", 1, "--latent-dim", 8, "--vocab-size", 300, "--max-tokens", 31]
SHORT = ["--max-steps", 4, "--eval-steps", 2, "--batch-size", 8]


def train(file: Path, output: Path, *arguments: object) -> Result:
    words = ["train", file, "--output", output, *TINY, *SHORT, *arguments]
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def texts(tmp_path):
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(toy_texts(80)))
    return file


def test_a_model_is_trained_that_other_verbs_take(texts, tmp_path):
    result = train(texts, tmp_path / "model")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""  # all that is said goes to standard error
    assert "decoded" in result.stderr
    assert "sample" in result.stderr
    assert "eval_bleu" in result.stderr
    space = LatentSpace.from_pretrained(tmp_path / "model")
    assert space.latent_dim == 8
    assert space.density.mean.shape == (8,)
    used = CliRunner().invoke(main, ["sample", "--model", str(tmp_path / "model"), "-n", "2"])
    assert used.exit_code == 0
    assert len(used.stdout.splitlines()) == 2


def test_the_same_command_goes_on_from_the_last_checkpoint(texts, tmp_path):
    train(texts, tmp_path / "model")
    result = train(texts, tmp_path / "model", "--max-steps", 6)
    assert result.exit_code == 0, result.stderr
    assert f"going on from {tmp_path / 'model' / 'checkpoint-4'}" in result.stderr
    assert (tmp_path / "model" / "checkpoint-6").is_dir()


def test_muon_trains_too(texts, tmp_path):
    assert train(texts, tmp_path / "model", "--optimizer", "muon").exit_code == 0


def test_wandb_works_without_a_network(texts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    result = train(texts, tmp_path / "model", "--report-to", "wandb")
    assert result.exit_code == 0, result.stderr
    assert list((tmp_path / "wandb").glob("offline-run-*/*.wandb"))


def test_too_few_texts_are_wrong_usage(tmp_path):
    (tmp_path / "texts.txt").write_text("one text\nanother text\n")
    result = train(tmp_path / "texts.txt", tmp_path / "model")
    assert result.exit_code == 2
    assert "training needs at least 4 texts" in result.stderr


def test_checkpoints_of_another_model_are_not_overwritten(texts, tmp_path):
    train(texts, tmp_path / "model")
    result = train(texts, tmp_path / "model", "--latent-dim", 4)
    assert result.exit_code == 1
    assert "holds checkpoints of another model" in result.stderr

"""`latentopt train`, a few steps of it, as its users run it. That it learns and resumes: tests/test_training.py."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from transformers import T5ForConditionalGeneration
from transformers.utils import logging

from latentopt.cli import main
from latentopt.model import T5VAEConfig, small_t5
from latentopt.model.tokenizer import train_tokenizer
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


def test_the_weights_of_the_regularizer_reach_the_model(texts, tmp_path):
    result = train(texts, tmp_path / "model", "--regularizer-weight", 2, "--moments-weight", 0.3)
    assert result.exit_code == 0, result.stderr
    config = T5VAEConfig.from_pretrained(tmp_path / "model")
    assert (config.regularizer_weight, config.moments_weight) == (2, 0.3)


def test_muon_trains_too(texts, tmp_path):
    result = train(texts, tmp_path / "model", "--optimizer", "muon")
    assert result.exit_code == 0, result.stderr
    state = torch.load(tmp_path / "model" / "checkpoint-4" / "optimizer.pt", weights_only=True)
    assert set(state) == {"muon", "adamw"}


def test_no_bar_is_shown_for_a_file_that_is_read_or_written(texts, tmp_path):
    base = tmp_path / "t5"
    tokenizer = train_tokenizer(toy_texts(300), vocab_size=300)
    tokenizer.save_pretrained(base)
    T5ForConditionalGeneration(small_t5(len(tokenizer), d_model=16, layers=1, positions=32)).save_pretrained(base)
    logging.enable_progress_bar()  # other verbs may have run in this process
    result = train(texts, tmp_path / "model", "--base", base)
    assert result.exit_code == 0, result.stderr
    for bar in ("Loading weights", "Writing model shards"):
        assert bar not in result.stderr
    assert logging.is_progress_bar_enabled()  # as it was


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


def test_a_run_that_has_ended_is_not_trained_further(texts, tmp_path):
    train(texts, tmp_path / "model")
    before = LatentSpace.from_pretrained(tmp_path / "model").fingerprint
    result = train(texts, tmp_path / "model")
    assert result.exit_code == 0, result.stderr
    assert "the run has had its 4 steps" in result.stderr
    assert LatentSpace.from_pretrained(tmp_path / "model").fingerprint == before


def test_fewer_texts_than_a_step_needs_are_an_error(texts, tmp_path):
    result = train(texts, tmp_path / "model", "--batch-size", 500)
    assert result.exit_code == 1
    assert "a step needs 500 texts, and 68 are left to train on" in result.stderr


@pytest.mark.parametrize("base", ["nowhere", "empty"])
def test_a_base_that_is_no_t5_is_wrong_usage(texts, tmp_path, base):
    (tmp_path / "empty").mkdir()
    result = train(texts, tmp_path / "model", "--base", tmp_path / base)
    assert result.exit_code == 2
    assert "no T5 could be loaded from there" in result.stderr


def test_a_model_of_another_width_in_the_same_folder_is_an_error(texts, tmp_path):
    train(texts, tmp_path / "model")
    result = train(texts, tmp_path / "model", "--d-model", 32)
    assert result.exit_code == 1
    assert "holds checkpoints of another model" in result.stderr
    assert "'d_model': 16" in result.stderr

"""`latentopt train`, a few steps of it, as its users run it. How it goes on: tests/training/test_trainer.py."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from transformers import T5ForConditionalGeneration
from transformers.utils import logging

from latentopt.cli import main
from latentopt.model import small_t5
from latentopt.model.tokenizer import train_tokenizer
from latentopt.space import LatentSpace
from latentopt.training import card, trainer
from latentopt.training.corruption import Blank, Drop, Substitute
from latentopt.training.losses import KL, MMD, LatentNoise, Property, Weights
from latentopt.training.optimizers import AdamW, Muon, Rates
from latentopt.training.recipe import Recipe, Schedule
from latentopt.training.starts import FromCausalLM, FromModel, FromT5, NewT5, Shape
from tests.toy import toy_space, toy_texts

TINY = ["--d-model", 32, "--layers", 1, "--latent-dim", 12, "--pooled-dim", 8, "--vocab-size", 300, "--max-tokens", 31]
SHORT = ["--max-steps", 4, "--eval-steps", 2, "--batch-size", 8]


def train(file: Path, output: Path, *arguments: object) -> Result:
    """Train a tiny new model for four steps."""
    return invoke(file, output, *TINY, *SHORT, *arguments)


def invoke(file: Path, output: Path, *arguments: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in ("train", file, "--output", output, *arguments)])


@pytest.fixture
def recipe_of(texts, tmp_path, monkeypatch):
    """Return a function that gives the recipe that a command would train by, and what comes with it."""

    def find(*arguments: object, file: Path = texts) -> tuple[Recipe, dict]:
        found = []
        monkeypatch.setattr(trainer, "train", lambda *given, **options: found.append((given[0], options)))
        monkeypatch.setattr(card, "write_card", lambda *_: None)
        result = invoke(file, tmp_path / "model", *arguments)
        assert result.exit_code == 0, result.stderr
        return found[0]

    return find


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
    assert "## How good it is" in (tmp_path / "model/README.md").read_text()
    space = LatentSpace.from_pretrained(tmp_path / "model")
    assert (space.latent_dim, space.pooled_dim) == (12, 8)
    assert space.density.mean.shape == (8,)
    used = CliRunner().invoke(main, ["sample", "--model", str(tmp_path / "model"), "-n", "2"])
    assert used.exit_code == 0
    assert len(used.stdout.splitlines()) == 2


def test_a_figure_shows_the_training_over_all_of_its_steps(texts, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("latentopt.cli.train.draw", lambda figure, file: drawn.append((figure, file)))
    for _ in range(2):  # also of a run that has ended
        result = train(texts, tmp_path / "model", "--figures", tmp_path)
        assert result.exit_code == 0, result.stderr
    assert [file for _, file in drawn] == [tmp_path / "training.png"] * 2
    for figure, _ in drawn:
        assert [axis.lines[0].get_xdata().tolist() for axis in figure.axes] == [[2, 4]] * 4


def test_without_options_the_recipe_is_the_default_one(recipe_of):
    assert recipe_of()[0] == Recipe()


def test_every_option_reaches_the_recipe(recipe_of, tmp_path):
    file = tmp_path / "posts.csv"
    file.write_text("\n".join(["text,likes", *(f"{text},{i}" for i, text in enumerate(toy_texts(60)))]))
    recipe, _ = recipe_of(
        *("--property", "likes", "--teacher", tmp_path),
        *("--latent-dim", 64, "--pooled-dim", 32, "--max-tokens", 15, "--d-model", 64, "--layers", 3),
        *("--vocab-size", 300, "--latent-noise", 0.2, "--fills", 0.5, "--regularizer-weight", 2),
        *("--moments-weight", 0.1, "--regularizer-warmup", 7, "--property-weight", 3, "--teacher-weight", 4),
        *("--epochs", 2, "--max-steps", 9, "--batch-size", 6, "--accumulate", 2, "--runs", 2, "--warmup-steps", 5),
        *("--decay", 0.5, "--learning-rate", 0.1, "--encoder-rate", 0.2, "--decoder-rate", 0.3, "--seed", 4),
        *("--eval-steps", 3, "--patience", 2, "--fp32", "--report-to", "wandb"),
        file=file,
    )
    assert recipe.start == NewT5(
        Shape(latent_dim=64, pooled_dim=32, positions=16), vocab_size=300, d_model=64, layers=3
    )
    assert (recipe.noise, recipe.uses.fills, recipe.regularizer) == (LatentNoise(0.2), 0.5, MMD(2, 0.1))
    assert (recipe.regularizer_warmup, recipe.weights) == (7, Weights(properties=3, teacher=4))
    assert (recipe.epochs, recipe.max_steps, recipe.batch_size, recipe.accumulate, recipe.runs) == (2, 9, 6, 2, 2)
    assert (recipe.schedule, recipe.rates, recipe.optimizer) == (Schedule(5, 0.5), Rates(0.1, 0.2, 0.3), AdamW())
    assert (recipe.seed, recipe.eval_steps, recipe.patience, recipe.fp32) == (4, 3, 2, True)
    assert recipe.report_to == "wandb"


def test_noise_on_the_input_the_optimizer_and_the_teacher_reach_the_recipe(recipe_of, tmp_path):
    recipe, _ = recipe_of(
        *("--drop", 0.1, "--blank", 0.2, "--substitute", 0.3, "--optimizer", "muon", "--teacher", tmp_path)
    )
    assert recipe.corruptions == (Drop(0.1), Blank(0.2), Substitute(0.3))
    assert (recipe.optimizer, recipe.teacher) == (Muon(), tmp_path)


def test_texts_are_read_from_the_column_and_the_file_that_are_named(tmp_path, monkeypatch):
    posts, valid = tmp_path / "posts.csv", tmp_path / "valid.csv"
    posts.write_text("".join(f"{line}\n" for line in ["id,body", *(f"{i},text {i}" for i in range(8))]))
    valid.write_text("id,body\n1,one\n2,two\n3,three\n")
    given = []
    monkeypatch.setattr(trainer, "train", lambda recipe, *texts, **options: given.append(texts[:2]))
    monkeypatch.setattr(card, "write_card", lambda *_: None)
    result = invoke(posts, tmp_path / "model", "--column", "body", "--valid", valid)
    assert result.exit_code == 0, result.stderr
    assert given == [([f"text {i}" for i in range(8)], ["one", "two", "three"])]
    result = invoke(posts, tmp_path / "model", "--column", "body")  # a part of them is held out
    assert result.exit_code == 0, result.stderr
    texts, held_out = given[1]
    assert sorted([*texts, *held_out]) == [f"text {i}" for i in range(8)]
    assert len(held_out) == 2


def test_the_file_is_read_as_is_said(tmp_path, monkeypatch):
    posts = tmp_path / "posts"
    posts.write_bytes("".join(f"{i}:café, {i}\n" for i in range(8)).encode("cp1252"))
    given = []
    monkeypatch.setattr(trainer, "train", lambda recipe, *texts, **options: given.append(texts[:2]))
    monkeypatch.setattr(card, "write_card", lambda *_: None)
    said = "--format", "csv", "--delimiter", ":", "--encoding", "cp1252", "--no-header", "--column", 2
    result = invoke(posts, tmp_path / "model", *said)
    assert result.exit_code == 0, result.stderr
    ((texts, held_out),) = given
    assert sorted([*texts, *held_out]) == [f"café, {i}" for i in range(8)]


def test_as_many_threads_as_are_asked_for(recipe_of, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # to have it back
    before = torch.get_num_threads()
    try:
        recipe_of("--threads", 3)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_stochastic_encoder_comes_with_kl(recipe_of):
    recipe, _ = recipe_of("--regularizer", "kl", "--free-bits", 0.5)
    assert recipe.regularizer == KL(1.0, 0.5)
    assert recipe.start.shape.stochastic


def test_a_causal_language_model_may_be_begun_with(recipe_of):
    recipe, _ = recipe_of(
        *("--from-causal-lm", "some/llama", "--gguf-file", "q4.gguf", "--layers", "0-2,5"),
        *("--encoder-layers", "0-1", "--vocab-size", 1000),
    )
    assert recipe.start == FromCausalLM(
        "some/llama", Shape(), gguf_file="q4.gguf", layers=(0, 1, 2, 5), encoder_layers=(0, 1), vocab_size=1000
    )
    assert recipe.rates == Rates(1e-3, 0.3, 0.15)
    assert recipe_of("--from-causal-lm", "some/llama")[0].start == FromCausalLM("some/llama")


def test_a_t5_or_a_model_of_ours_may_be_begun_with(recipe_of, tmp_path):
    assert recipe_of("--base", "t5-small")[0].start == FromT5("t5-small")
    assert recipe_of("--start", tmp_path / "earlier")[0].start == FromModel(tmp_path / "earlier")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--base", "t5", "--start", "x"], "begins with one thing; give --base or --start"),
        (["--start", "x", "--latent-dim", 9], "--latent-dim: --start says it"),
        (["--base", "t5", "--layers", "0-2"], "--layers: --base says it"),
        (["--gguf-file", "x.gguf"], "--gguf-file: it goes with another beginning"),
        (["--layers", "0-2"], "--layers of a new T5 is a number"),
        (["--from-causal-lm", "x", "--layers", "a-b"], "layers are named as in 0-5 or 0,2,7-9, got 'a-b'"),
        (["--free-bits", 0.2], "--free-bits: --regularizer mmd does not take it; leave it out"),
        (["--regularizer", "kl", "--moments-weight", 1], "--moments-weight: --regularizer kl does not take it"),
        (["--regularizer", "none", "--moments-weight", 1], "--moments-weight: --regularizer none does not take it"),
        (["--regularizer", "none", "--regularizer-weight", 1], "--regularizer-weight: --regularizer none does not"),
        (["--regularizer", "none", "--regularizer-warmup", 1], "--regularizer-warmup: --regularizer none does not"),
        (["--teacher-weight", 1], "--teacher-weight: it goes with --teacher; leave it out"),
        (["--property-weight", 1], "--property-weight: it goes with --property; leave it out"),
        (["--batch-size", 10], "divides into its runs, got 10 texts in 4 runs"),
        (["--property", "likes:log2:account:x"], r"a property is COLUMN[:log1p][:GROUPS]"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(texts, tmp_path, options, message):
    result = invoke(texts, tmp_path / "model", *options)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_properties_are_columns_that_may_have_gaps(recipe_of, tmp_path):
    file = tmp_path / "posts.csv"
    rows = [
        f"{text},{i % 7 if i % 5 else ''},{'ab'[i % 2]},{'sunny' if i % 3 else 'bleak'}"
        for i, text in enumerate(toy_texts(60))
    ]
    file.write_text("\n".join(["text,likes,account,mood", *rows]))
    recipe, options = recipe_of("--property", "likes:log1p:account", "--property", "mood", file=file)
    assert recipe.properties == (Property("likes"), Property("mood", binary=True))
    likes, mood = options["values"].T
    assert len(likes) == 58  # the others are held out
    assert 0.1 < (likes != likes).mean() < 0.3
    assert set(mood.tolist()) == {0.0, 1.0}


def test_the_same_command_goes_on_from_the_last_checkpoint(texts, tmp_path, monkeypatch):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:  # before anything is measured of the last two steps
        patched.setattr(trainer.LatentDensity, "fit", stop)
        assert train(texts, tmp_path / "model").exit_code == 130
    (tmp_path / "model/checkpoint-4").rename(tmp_path / "lost")
    result = train(texts, tmp_path / "model")
    assert result.exit_code == 0, result.stderr
    assert f"going on from {tmp_path / 'model' / 'checkpoint-2'}" in result.stderr
    assert (tmp_path / "model" / "checkpoint-4").is_dir()


def test_a_model_is_trained_further(texts, tmp_path):
    toy_space().save_pretrained(tmp_path / "toy")
    result = invoke(texts, tmp_path / "model", "--start", tmp_path / "toy", *SHORT)
    assert result.exit_code == 0, result.stderr
    further = LatentSpace.from_pretrained(tmp_path / "model")
    assert further.latent_dim == toy_space().latent_dim
    assert further.fingerprint != toy_space().fingerprint


def test_no_bar_is_shown_for_a_file_that_is_read_or_written(texts, tmp_path):
    base = tmp_path / "t5"
    tokenizer = train_tokenizer(toy_texts(300), vocab_size=300)
    tokenizer.save_pretrained(base)
    T5ForConditionalGeneration(small_t5(len(tokenizer), d_model=32, layers=1, positions=32)).save_pretrained(base)
    logging.enable_progress_bar()  # other verbs may have run in this process
    result = invoke(texts, tmp_path / "model", "--base", base, "--latent-dim", 12, "--pooled-dim", 8, *SHORT)
    assert result.exit_code == 0, result.stderr
    for bar in ("Loading weights", "Writing model shards"):
        assert bar not in result.stderr
    assert logging.is_progress_bar_enabled()  # as it was


def test_wandb_works_without_a_network(texts, tmp_path, wandb_offline):
    result = train(texts, tmp_path / "model", "--report-to", "wandb")
    assert result.exit_code == 0, result.stderr
    assert list(wandb_offline.glob("offline-run-*/*.wandb"))


def test_too_few_texts_are_wrong_usage(tmp_path):
    (tmp_path / "texts.txt").write_text("one text\nanother text\n")
    result = train(tmp_path / "texts.txt", tmp_path / "model")
    assert result.exit_code == 2
    assert "training needs at least 4 texts" in result.stderr


def test_another_run_in_the_same_folder_is_refused_unless_restarted(texts, tmp_path):
    train(texts, tmp_path / "model")
    other = ["--d-model", 64, "--learning-rate", 0.1]
    result = train(texts, tmp_path / "model", *other)
    assert result.exit_code == 1
    for difference in ("start.d_model: 32, now 64", "rates.new: 0.002, now 0.1", "--restart"):
        assert difference in result.stderr
    assert train(texts, tmp_path / "model", *other, "--restart").exit_code == 0


def test_a_run_that_has_ended_is_not_trained_further(texts, tmp_path):
    train(texts, tmp_path / "model")
    before = LatentSpace.from_pretrained(tmp_path / "model").fingerprint
    result = train(texts, tmp_path / "model")
    assert result.exit_code == 0, result.stderr
    assert "the run has ended, after 4 steps" in result.stderr
    assert LatentSpace.from_pretrained(tmp_path / "model").fingerprint == before


def test_fewer_texts_than_a_step_needs_are_an_error(texts, tmp_path):
    result = train(texts, tmp_path / "model", "--batch-size", 500)
    assert result.exit_code == 1
    assert "a step needs 500 texts, and 66 are left to train on" in result.stderr


@pytest.mark.parametrize("option", ["--base", "--from-causal-lm", "--start"])
@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_beginning_that_is_not_there_is_an_error(texts, tmp_path, option, name):
    (tmp_path / "empty").mkdir()
    result = invoke(texts, tmp_path / "model", option, tmp_path / name, *SHORT)
    assert result.exit_code == 1
    assert f"error: {tmp_path / name}: " in result.stderr


def test_a_latent_without_room_is_an_error(texts, tmp_path):
    result = train(texts, tmp_path / "model", "--latent-dim", 2000)
    assert result.exit_code == 1
    assert "a network cannot have this shape: the memory must be able to hold the latent" in result.stderr

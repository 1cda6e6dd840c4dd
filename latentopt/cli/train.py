"""`latentopt train`: a T5-VAE from texts."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentopt.cli import options
from latentopt.cli.output import draw, stderr
from latentopt.cli.training_options import (
    REGULARIZERS,
    Layers,
    PropertySpec,
    check_losses,
    kind_of_start,
    regularizer_of,
)
from latentopt.errors import LatentoptError
from latentopt.training.losses import KL, MMD, LatentNoise, Weights
from latentopt.training.optimizers import AdamW, Maker, Muon, Rates
from latentopt.training.recipe import Recipe, Schedule, Uses
from latentopt.training.starts import FromCausalLM, FromModel, FromT5, NewT5, Shape, Start

if TYPE_CHECKING:
    import pandas

    from latentopt.training.corruption import Corruption
    from latentopt.training.properties import PropertyColumn

POSITIVE = click.IntRange(min=1)
NOT_NEGATIVE = click.IntRange(min=0)
WEIGHT = click.FloatRange(min=0)
SHARE = click.FloatRange(min=0, max=1, max_open=True)
RATE = click.FloatRange(min=0, min_open=True)
EVALUATED_ON = 500  # validation texts

# What an option is where it is not given stands in these, and nowhere else.
USUAL = Recipe()
NEW, SHAPE, MMD_OF, KL_OF = NewT5(), Shape(), MMD(), KL()
OPTIMIZERS: dict[str, Maker] = {"adamw": AdamW(), "muon": Muon()}


@click.command(short_help="Train a model on your texts.")
@click.argument("file", type=options.SomePath(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where the model goes.")
@click.option("--column", default="text", show_default=True, help="Column of the file that holds the texts.")
@options.reading
@click.option(
    "--valid", type=options.SomePath(path_type=Path), help="File with validation texts. [default: 1% of FILE]"
)
@click.option("--restart", is_flag=True, help="Give up what --output holds of an earlier run.")
@click.option("--base", metavar="DIR", help="Begin with this T5, T5-v1.1, Flan-T5 or UMT5 (directory or hub name).")
@click.option(
    "--from-causal-lm",
    metavar="DIR",
    help="Begin with this causal language model of Llama's architecture (directory or hub name), made a T5.",
)
@click.option("--start", type=click.Path(path_type=Path), help="Begin with this model of yours, and train it further.")
@click.option("--gguf-file", metavar="NAME", help="With --from-causal-lm: file in it that holds the weights.")
@click.option(
    "--layers",
    type=Layers(),
    help=f"Layers of a new T5's encoder, and of its decoder [default: {NEW.layers}]; with --from-causal-lm those of it "
    "that the decoder gets, such as 0-15,18-29 [default: all].",
)
@click.option(
    "--encoder-layers",
    type=Layers(),
    help=f"With --from-causal-lm: those that the encoder gets. [default: 0-{max(FromCausalLM.encoder_layers)}]",
)
@click.option(
    "--vocab-size",
    type=click.IntRange(min=267),
    help=f"Tokens of a new tokenizer [default: {NEW.vocab_size}], or those kept with --from-causal-lm "
    f"[default: {FromCausalLM.vocab_size}].",
)
@click.option("--d-model", type=POSITIVE, default=NEW.d_model, show_default=True, help="Width of a new T5.")
@click.option("--latent-dim", type=POSITIVE, default=SHAPE.latent_dim, show_default=True, help="Size of the latent.")
@click.option(
    "--pooled-dim",
    type=NOT_NEGATIVE,
    default=SHAPE.pooled_dim,
    show_default=True,
    help="How much of it says what a text means, wherever its words stand; the rest copies word by word.",
)
@click.option(
    "--max-tokens", type=POSITIVE, default=SHAPE.positions - 1, show_default=True, help="Most tokens of a text."
)
@click.option(
    "--property",
    "properties",
    type=PropertySpec(),
    multiple=True,
    metavar="COLUMN[:log1p][:GROUPS]",
    help="A column that the latent shall tell, a number or one of two values: likes:log1p:account, sentiment. May be "
    "given several times; values may be missing.",
)
@click.option(
    "--teacher",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Directory of a sentence-transformers model whose embeddings the latent shall tell.",
)
@click.option(
    "--fills",
    type=click.FloatRange(0, 1),
    default=USUAL.uses.fills,
    show_default=True,
    help="Share of the rows that fill masked spans; the others are written whole.",
)
@click.option(
    "--regularizer", type=click.Choice(list(REGULARIZERS)), default=next(iter(REGULARIZERS)), show_default=True
)
@click.option("--regularizer-weight", type=WEIGHT, default=MMD_OF.weight, show_default=True)
@click.option(
    "--moments-weight",
    type=WEIGHT,
    default=MMD_OF.moments,
    show_default=True,
    help="With mmd: share of mean and covariance in it, beside 1.",
)
@click.option(
    "--regularizer-warmup",
    type=NOT_NEGATIVE,
    default=USUAL.regularizer_warmup,
    show_default=True,
    help="Steps of its weight's linear rise.",
)
@click.option("--free-bits", type=WEIGHT, default=KL_OF.free_bits, show_default=True, help="Nats a dimension, for kl.")
@click.option(
    "--property-weight",
    type=WEIGHT,
    default=USUAL.weights.properties,
    show_default=True,
    help="Of all properties' losses.",
)
@click.option(
    "--teacher-weight", type=WEIGHT, default=USUAL.weights.teacher, show_default=True, help="Of the teacher's."
)
@click.option(
    "--latent-noise",
    type=click.FloatRange(0, 1),
    default=USUAL.noise.most,
    show_default=True,
    help="How far training turns latents into noise, at most: 0 not at all, 1 wholly.",
)
@click.option("--drop", type=SHARE, default=0.0, show_default=True, help="Share of input tokens left out.")
@click.option("--blank", type=SHARE, default=0.0, show_default=True, help="Share of input tokens blanked.")
@click.option(
    "--substitute", type=SHARE, default=0.0, show_default=True, help="Share of input tokens replaced at random."
)
@click.option("--epochs", type=click.FloatRange(min=0, min_open=True), default=USUAL.epochs, show_default=True)
@click.option("--max-steps", type=POSITIVE, help="Stop after so many steps, whatever the epochs.")
@click.option(
    "--batch-size",
    type=click.IntRange(min=2),
    default=USUAL.batch_size,
    show_default=True,
    help="Texts per process and step.",
)
@click.option(
    "--accumulate",
    type=POSITIVE,
    default=USUAL.accumulate,
    show_default=True,
    help="Batches whose gradients are added up.",
)
@click.option(
    "--runs",
    type=POSITIVE,
    default=USUAL.runs,
    show_default=True,
    help="Parts of a batch, each of texts of like lengths; 1 is quickest.",
)
@click.option(
    "--optimizer",
    type=click.Choice(list(OPTIMIZERS)),
    default="adamw",
    show_default=True,
    help="muon often needs fewer steps for a new model.",
)
@click.option(
    "--learning-rate",
    type=RATE,
    help=f"Of what is new. [default: {NEW.rates.new:g}; {FromT5.rates.new:g} or less for what is trained]",
)
@click.option(
    "--encoder-rate",
    type=RATE,
    help=f"Share of it for the encoder. [default: 1; {FromCausalLM.rates.encoder:g} with --from-causal-lm]",
)
@click.option(
    "--decoder-rate",
    type=RATE,
    help="Share of it for decoder and words. "
    f"[default: 1; {FromCausalLM.rates.language_model:g} with --from-causal-lm]",
)
@click.option("--warmup-steps", type=NOT_NEGATIVE, default=USUAL.schedule.warmup_steps, show_default=True)
@click.option(
    "--decay",
    type=click.FloatRange(0, 1),
    default=USUAL.schedule.decay,
    show_default=True,
    help="Share of the steps, the last, in which the learning rate falls to nought.",
)
@click.option(
    "--eval-steps", type=POSITIVE, default=USUAL.eval_steps, show_default=True, help="Evaluate and save this often."
)
@click.option("--patience", type=POSITIVE, help="Stop after so many evaluations without a better BLEU.")
@click.option("--fp32", is_flag=True, help="Compute in fp32, also where bf16 is quicker.")
@click.option(
    "--report-to", type=click.Choice(["none", "wandb"]), default=USUAL.report_to, show_default=True, help="Tracking."
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path, file_okay=False),
    help="Draw the training over its steps into this folder, as training.png.",
)
@options.threads
@options.seed
@click.pass_context
def train(
    ctx: click.Context,
    file: Path,
    output: Path,
    column: str,
    valid: Path | None,
    restart: bool,
    figures: Path | None,
    **asked: Any,
) -> None:
    """Train a model on FILE's texts (.csv, .jsonl, .parquet, .txt), or go on with one that was stopped.

    Run the same command again after an interruption: it goes on from the last complete checkpoint in --output. A run
    that was begun with other texts or settings is not gone on with: name another --output, or --restart. Several
    processes: `torchrun --nproc-per-node 2 -m latentopt train ...` or `accelerate launch -m latentopt train ...`.
    README.md in --output is the model's card, with what was measured on held-out texts.
    """
    kind = kind_of_start(ctx)
    check_losses(ctx)
    options.use_threads()
    with stderr().status("reading"):
        table = _rows(file, column, asked["properties"])
        valid_texts = _rows(valid, column, ())[column].tolist() if valid else []
    if not valid_texts:
        if len(table) < 4:
            raise click.UsageError(f"training needs at least 4 texts, {file} has {len(table)}; or give --valid")
        every = max(2, min(100, len(table) // 2))
        held_out = [i % every == 0 for i in range(len(table))]
        valid_texts, table = table[column][held_out].tolist(), table[[not held for held in held_out]]
    if len(valid_texts) < 2:
        raise click.UsageError(f"--valid {valid}: an evaluation needs two texts or more, got {len(valid_texts)}")

    from accelerate import PartialState

    from latentopt.training.card import write_card
    from latentopt.training.properties import values_of
    from latentopt.training.trainer import train as run

    properties, values = values_of(table, asked["properties"])
    try:
        start = _start(kind, asked)
        made: dict[str, Any] = {
            "start": start,
            "properties": properties,
            "corruptions": _corruptions(asked),
            "noise": LatentNoise(asked["latent_noise"]),
            "uses": Uses(fills=asked["fills"]),
            "regularizer": regularizer_of(asked),
            "weights": Weights(properties=asked["property_weight"], teacher=asked["teacher_weight"]),
            "schedule": Schedule(asked["warmup_steps"], asked["decay"]),
            "rates": _rates(start, asked),
            "optimizer": OPTIMIZERS[asked["optimizer"]],
        }
        plain = {field.name for field in fields(Recipe)} - made.keys()  # are asked for as they are
        recipe = Recipe(**made, **{name: asked[name] for name in plain & asked.keys()})
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    valid_texts = valid_texts[:EVALUATED_ON]
    with _no_bars(), _told_on_stderr():
        space = run(recipe, table[column].tolist(), valid_texts, output, values=values, restart=restart)
    if PartialState().is_main_process:
        with stderr().status("writing the model card"):
            write_card(space, recipe, len(table), valid_texts, output)
        if figures is not None:
            _draw(output, figures / "training.png")
    click.echo(f"the model is in {output}: try  latentopt sample --model {output}", err=True)


def _draw(model: Path, file: Path) -> None:
    from latentopt.evaluation.plots import training_curves
    from latentopt.training.curve import MEASURES, curve

    draw(training_curves(curve(model), MEASURES), file)
    click.echo(f"wrote {file}", err=True)


def _start(kind: str | None, asked: dict[str, Any]) -> Start:
    shape = Shape(
        latent_dim=asked["latent_dim"],
        pooled_dim=asked["pooled_dim"],
        positions=asked["max_tokens"] + 1,
        stochastic=regularizer_of(asked).needs_variance,
    )
    if kind == "start":
        return FromModel(asked["start"])
    if kind == "base":
        return FromT5(asked["base"], shape)
    if kind == "from_causal_lm":
        return FromCausalLM(
            asked["from_causal_lm"],
            shape,
            gguf_file=asked["gguf_file"],
            layers=asked["layers"],
            encoder_layers=asked["encoder_layers"] or FromCausalLM.encoder_layers,
            vocab_size=asked["vocab_size"] or FromCausalLM.vocab_size,
        )
    layers = asked["layers"] or (NewT5.layers,)
    if len(layers) > 1:
        raise click.UsageError("--layers of a new T5 is a number; layers are named with --from-causal-lm")
    return NewT5(shape, vocab_size=asked["vocab_size"] or NewT5.vocab_size, d_model=asked["d_model"], layers=layers[0])


def _corruptions(asked: dict[str, Any]) -> tuple[Corruption, ...]:
    from latentopt.training.corruption import Blank, Drop, Substitute

    kinds: dict[str, Callable[[float], Corruption]] = {"drop": Drop, "blank": Blank, "substitute": Substitute}
    return tuple(kind(asked[name]) for name, kind in kinds.items() if asked[name])


def _rates(start: Start, asked: dict[str, Any]) -> Rates:
    named = {"new": "learning_rate", "encoder": "encoder_rate", "language_model": "decoder_rate"}
    given = {part: asked[option] for part, option in named.items() if asked[option] is not None}
    return replace(start.rates, **given)


@contextmanager
def _told_on_stderr() -> Iterator[None]:
    """Show what the Trainer and our own log say, on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    ours = logging.getLogger("latentopt")
    level = ours.level
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    try:
        with redirect_stdout(sys.stderr):
            yield
    except Exception as error:
        if type(error).__module__.split(".")[0] != "wandb":
            raise
        raise LatentoptError(f"wandb: {error}; log in with `wandb login`, or set WANDB_MODE=offline") from error
    finally:
        ours.setLevel(level)
        ours.removeHandler(handler)


@contextmanager
def _no_bars() -> Iterator[None]:
    """Keep transformers from showing a bar for every file that it reads or writes; the Trainer's own bar stays."""
    from transformers.utils import logging as transformers_logging

    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()


def _rows(file: Path, column: str, properties: tuple[PropertyColumn, ...]) -> pandas.DataFrame:
    """The rows of a file that have a text, with the columns of the properties."""
    from latentopt.tables import read_table

    more: list[str] = []
    if properties:
        from latentopt.training.properties import columns_of

        more = [name for name in columns_of(properties) if name != column]
    table = read_table(file, columns=[column, *more], optional=more, reading=options.chosen_reading())
    return options.usable(table.only_texts(column)).frame

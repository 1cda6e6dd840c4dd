"""`latentopt train`: a T5-VAE from texts."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentopt.cli import options
from latentopt.cli.output import stderr
from latentopt.errors import LatentoptError

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from transformers import PreTrainedTokenizerBase

    from latentopt.model import T5VAE

POSITIVE = click.IntRange(min=1)
SHARE = click.FloatRange(min=0, max=1, max_open=True)


@click.command(short_help="Train a model on your texts.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where the model goes.")
@click.option("--column", default="text", show_default=True, help="Column of the file that holds the texts.")
@click.option("--valid", type=click.Path(path_type=Path), help="File with validation texts. [default: 1% of FILE]")
@click.option(
    "--base", metavar="DIR", help="Start from this T5, T5-v1.1 or Flan-T5 (directory or hub name) and its weights."
)
@click.option("--latent-dim", type=POSITIVE, default=256, show_default=True, help="Size of the latent.")
@click.option("--max-tokens", type=POSITIVE, default=63, show_default=True, help="Most tokens of a text.")
@click.option("--d-model", type=POSITIVE, default=256, show_default=True, help="Width of a new T5.")
@click.option(
    "--layers", type=POSITIVE, default=2, show_default=True, help="Layers of a new T5's encoder, and of its decoder."
)
@click.option(
    "--vocab-size", type=click.IntRange(min=259), default=8192, show_default=True, help="Tokens of a new tokenizer."
)
@click.option("--regularizer", type=click.Choice(["mmd", "kl", "none"]), default="mmd", show_default=True)
@click.option("--regularizer-weight", type=click.FloatRange(min=0), default=1.0, show_default=True)
@click.option(
    "--moments-weight",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="With mmd: share of mean and covariance in it, beside 1; 0.3 brings random latents nearer to those of texts.",
)
@click.option(
    "--regularizer-warmup", type=click.IntRange(min=0), default=0, show_default=True, help="Steps of its linear rise."
)
@click.option(
    "--free-bits", type=click.FloatRange(min=0), default=0.1, show_default=True, help="Nats a dimension, for kl."
)
@click.option(
    "--latent-noise",
    type=click.FloatRange(0, 1),
    default=0.9,
    show_default=True,
    help="How far training turns latents into noise, at most: 0 not at all, 1 wholly.",
)
@click.option("--drop", type=SHARE, default=0.0, show_default=True, help="Share of input tokens left out.")
@click.option("--blank", type=SHARE, default=0.0, show_default=True, help="Share of input tokens blanked.")
@click.option(
    "--substitute", type=SHARE, default=0.0, show_default=True, help="Share of input tokens replaced at random."
)
@click.option("--epochs", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True)
@click.option("--max-steps", type=POSITIVE, help="Stop after so many steps, whatever the epochs.")
@click.option(
    "--batch-size", type=click.IntRange(min=2), default=128, show_default=True, help="Texts per process and step."
)
@click.option("--accumulate", type=POSITIVE, default=1, show_default=True, help="Batches whose gradients are added up.")
@click.option(
    "--optimizer",
    type=click.Choice(["adamw", "muon"]),
    default="adamw",
    show_default=True,
    help="muon often needs fewer steps for a new model.",
)
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True), default=2e-3, show_default=True)
@click.option("--warmup-steps", type=click.IntRange(min=0), default=100, show_default=True)
@click.option("--eval-steps", type=POSITIVE, default=500, show_default=True, help="Evaluate and save this often.")
@click.option("--patience", type=POSITIVE, help="Stop after so many evaluations without a better BLEU.")
@click.option("--compile", is_flag=True, help="Use torch.compile.")
@click.option("--fp32", is_flag=True, help="Compute in fp32, also where bf16 is quicker.")
@click.option("--report-to", type=click.Choice(["none", "wandb"]), default="none", show_default=True, help="Tracking.")
@options.seed
def train(
    file: Path,
    output: Path,
    column: str,
    valid: Path | None,
    base: str | None,
    latent_dim: int,
    max_tokens: int,
    d_model: int,
    layers: int,
    vocab_size: int,
    regularizer: str,
    regularizer_weight: float,
    moments_weight: float,
    regularizer_warmup: int,
    free_bits: float,
    latent_noise: float,
    drop: float,
    blank: float,
    substitute: float,
    epochs: float,
    max_steps: int | None,
    batch_size: int,
    accumulate: int,
    optimizer: str,
    learning_rate: float,
    warmup_steps: int,
    eval_steps: int,
    patience: int | None,
    compile: bool,
    fp32: bool,
    report_to: str,
    seed: int,
) -> None:
    """Train a model on FILE's texts (.csv, .jsonl, .parquet, .txt), or go on with one that was stopped.

    Run the same command again after an interruption: it goes on from the last complete checkpoint in --output. Several
    processes: `torchrun --nproc-per-node 2 -m latentopt train ...` or `accelerate launch -m latentopt train ...`.
    """
    with stderr().status("reading"):
        texts = _texts(file, column)
        valid_texts = _texts(valid, column) if valid else []
    if not valid_texts:
        if len(texts) < 4:
            raise click.UsageError(f"training needs at least 4 texts, {file} has {len(texts)}; or give --valid")
        every = max(2, min(100, len(texts) // 2))
        valid_texts, texts = texts[::every], [t for i, t in enumerate(texts) if i % every]

    if len(valid_texts) < 2:
        raise click.UsageError(f"--valid {valid}: an evaluation needs two texts or more, got {len(valid_texts)}")

    import torch
    from safetensors import SafetensorError
    from transformers import EarlyStoppingCallback, TrainingArguments, set_seed

    from latentopt.model import T5VAE, T5VAEConfig, small_t5
    from latentopt.model.tokenizer import load_tokenizer, train_tokenizer
    from latentopt.training.corruption import Blank, Corruption, Drop, Substitute
    from latentopt.training.trainer import train as run
    from latentopt.training.trainer import trains_in_bf16

    set_seed(seed)
    shape: dict[str, Any] = {
        "latent_dim": latent_dim,
        "positions": max_tokens + 1,
        "regularizer": regularizer,
        "regularizer_weight": regularizer_weight,
        "moments_weight": moments_weight,
        "regularizer_warmup_steps": regularizer_warmup,
        "free_bits": free_bits,
        "latent_noise": latent_noise,
    }
    if base:
        try:
            with _no_bars() if Path(base).is_dir() else nullcontext():  # a download shows its progress
                tokenizer, model = load_tokenizer(base), T5VAE.from_t5(base, **shape)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            why = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise click.UsageError(f"--base {base}: no T5 could be loaded from there ({why})") from error
    else:
        tokenizer = (
            load_tokenizer(output)
            if (output / "tokenizer.json").exists()
            else train_tokenizer(texts, vocab_size=vocab_size)
        )
        if int(os.environ.get("RANK", "0")) == 0:  # the other processes of torchrun have trained the same
            _save_whole(tokenizer, output)
        t5 = small_t5(len(tokenizer), d_model=d_model, layers=layers, d_ff=5 * d_model // 2, positions=max_tokens + 1)
        if latent_dim > t5.d_model * (max_tokens + 1):
            raise click.UsageError(
                f"--latent-dim {latent_dim}: a text of {max_tokens} tokens in --d-model {d_model} has room for "
                f"{t5.d_model * (max_tokens + 1)}; give a smaller latent"
            )
        model = T5VAE(T5VAEConfig(t5, **shape))
    corruptions: list[Corruption] = []
    if drop:
        corruptions.append(Drop(drop))
    if blank:
        if tokenizer.mask_token_id is None:
            raise click.UsageError(
                f"--blank {blank}: the tokenizer of {base} has no mask token; use --drop or --substitute"
            )
        corruptions.append(Blank(blank, tokenizer.mask_token_id))
    if substitute:
        corruptions.append(Substitute(substitute, 3, len(tokenizer)))
    arguments = TrainingArguments(
        output_dir=str(output),
        num_train_epochs=epochs,
        max_steps=max_steps or -1,
        per_device_train_batch_size=batch_size,
        gradient_accumulation_steps=accumulate,
        learning_rate=learning_rate,
        adam_beta2=0.98,
        warmup_steps=warmup_steps,
        lr_scheduler_type="cosine",
        bf16=not fp32 and trains_in_bf16(),
        use_cpu=not torch.cuda.is_available(),
        eval_strategy="steps",
        eval_steps=eval_steps,
        save_strategy="steps",
        save_steps=eval_steps,
        save_total_limit=2,
        logging_steps=min(50, eval_steps),
        report_to=report_to,
        load_best_model_at_end=patience is not None,
        metric_for_best_model="bleu",
        greater_is_better=True,
        seed=seed,
        dataloader_drop_last=True,
    )
    with _no_bars(), _told_on_stderr():
        run(
            model,
            tokenizer,
            texts,
            valid_texts[:500],
            arguments,
            corruptions=corruptions,
            compile=compile,
            optimizer=_muon(model, learning_rate) if optimizer == "muon" else None,
            callbacks=[EarlyStoppingCallback(patience)] if patience else [],
        )
    click.echo(f"the model is in {output}: try  latentopt sample --model {output}", err=True)


def _save_whole(tokenizer: PreTrainedTokenizerBase, output: Path) -> None:
    """Write a tokenizer so that a kill leaves it whole or absent."""
    from latentopt.tables import atomic_update

    with atomic_update(output) as temporary:
        tokenizer.save_pretrained(temporary)


def _muon(model: T5VAE, learning_rate: float) -> Optimizer:
    from latentopt.training.muon import MuonAdamW

    return MuonAdamW(model, lr=learning_rate)


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


def _texts(file: Path, column: str) -> list[str]:
    from latentopt.tables import read_table

    table = options.usable(read_table(file, columns=[column]).only_texts(column))
    return list(table.frame[column])

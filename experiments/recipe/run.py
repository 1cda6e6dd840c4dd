"""What makes the space better: one change at a time from a small recipe, each for the same time.

Every row trains a small model from scratch for --seconds on this machine and is measured on tweets of the training file
that it was not trained on. Rows that are in results.json already are not run again.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from bottlenecks import AttentionPooled, OneVector
from torch import nn
from transformers import TrainerCallback, TrainingArguments, set_seed

from latentopt.evaluation import evaluate
from latentopt.model import T5VAE, T5VAEConfig, small_t5
from latentopt.model.tokenizer import train_tokenizer
from latentopt.training import trainer
from latentopt.training.muon import MuonAdamW
from latentopt.training.trainer import train, trains_in_bf16

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
LONGEST, POSITIONS = 32, 14  # characters, tokens: short texts, so that a row learns something in its time
DEVELOPMENT = 1000
STEPS = 100_000  # never reached: the clock ends a run
BATCH = 128
FEW = 1000  # texts for the density and the n-grams of a model that is thrown away


@dataclass(frozen=True)
class Recipe:
    """The settings of one row."""

    vocab_size: int = 2048
    t5: dict[str, int] = field(default_factory=lambda: {"d_model": 128, "layers": 1, "decoder_layers": 2, "d_ff": 384})
    vae: dict[str, Any] = field(
        default_factory=lambda: {
            "latent_dim": 128,
            "slot_dim": 32,
            "latent_noise": 0.5,
            "regularizer_weight": 1.0,
        }
    )
    learning_rate: float = 3e-3
    decayed_share: float = 0.4  # of the time, in which the learning rate falls to nought
    muon: bool = True
    runs: int = trainer.RUNS
    titles_first: bool = False
    prepare: Callable[[T5VAE], None] = lambda model: None

    def with_vae(self, **changes: Any) -> Recipe:
        return replace(self, vae=self.vae | changes)

    def with_t5(self, **changes: int) -> Recipe:
        return replace(self, t5=self.t5 | changes)


def _t5s_own_scale(model: T5VAE) -> None:
    nn.init.normal_(model.t5.shared.weight, std=1.0)


def _bottleneck(kind: type[nn.Module]) -> Callable[[T5VAE], None]:
    def prepare(model: T5VAE) -> None:
        config = model.config
        made = kind(
            config.t5_config().d_model,
            config.latent_dim,
            positions=config.positions,
            slot_dim=config.slot_dim,
            stochastic=False,
        )
        made.load_state_dict(model.bottleneck.state_dict(), strict=False)
        model.bottleneck = made

    return prepare


BASE = Recipe()
VARIANTS: dict[str, Recipe] = {
    "the recipe": BASE,
    "the recipe, another seed": BASE,
    "bottleneck: one vector (mean of states)": replace(BASE, prepare=_bottleneck(OneVector)),
    "bottleneck: attention-pooled slots": replace(BASE, prepare=_bottleneck(AttentionPooled)),
    "latent: 32 dimensions": BASE.with_vae(latent_dim=32),
    "latent: 256 dimensions": BASE.with_vae(latent_dim=256),
    "noise: none": BASE.with_vae(latent_noise=0.0),
    "noise: to 0.97": BASE.with_vae(latent_noise=0.97),
    "regularizer: none": BASE.with_vae(regularizer="none"),
    "regularizer: MMD of weight 100": BASE.with_vae(regularizer_weight=100.0),
    "regularizer: MMD of weight 100, rising over 150 steps": BASE.with_vae(
        regularizer_weight=100.0, regularizer_warmup_steps=150
    ),
    "regularizer: MMD and moments": BASE.with_vae(moments_weight=0.3),
    "regularizer: KL, no other noise": BASE.with_vae(regularizer="kl", regularizer_weight=0.01, latent_noise=0.0),
    "batches of one length": replace(BASE, runs=1),
    "embeddings: T5's own initial scale": replace(BASE, prepare=_t5s_own_scale),
    "embeddings: output layer of its own": BASE.with_vae(tied_output=False),
    "decoder: memory not added to its input": BASE.with_vae(step_input=False),
    "vocabulary: 4,096": replace(BASE, vocab_size=4096),
    "optimizer: AdamW": replace(BASE, muon=False),
    "schedule: no decay": replace(BASE, decayed_share=0.0),
    "curriculum: titles for a third of the time": replace(BASE, titles_first=True),
    "shape: 256 wide": BASE.with_t5(d_model=256, d_ff=768),
}


class Clock(TrainerCallback):
    """Ends a run after so many seconds, and lets the learning rate fall towards that end.

    (A schedule in steps would need to know how many a machine makes.)
    """

    def __init__(self, seconds: float, decayed_share: float) -> None:
        self.seconds = seconds
        self.decayed_share = decayed_share
        self.started: float | None = None

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.started = self.started or time.perf_counter()
        gone = (time.perf_counter() - self.started) / self.seconds
        left = 1.0 if not self.decayed_share else min(1.0, max(0.0, 1 - gone) / self.decayed_share)
        for group in kwargs["optimizer"].param_groups:
            group["lr"] = args.learning_rate * left * min(1.0, (state.global_step + 1) / args.warmup_steps)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        assert self.started is not None
        control.should_training_stop = time.perf_counter() - self.started > self.seconds


def run(recipe: Recipe, tweets: list[str], titles: list[str], *, seconds: float, seed: int) -> dict[str, Any]:
    """Train one row and measure it."""
    development, known = tweets[:DEVELOPMENT], tweets[DEVELOPMENT:]
    tokenizer = train_tokenizer(known, vocab_size=recipe.vocab_size)
    set_seed(seed)
    t5 = small_t5(len(tokenizer), positions=POSITIONS, heads=4, **recipe.t5)
    model = T5VAE(T5VAEConfig(t5, positions=POSITIONS, **recipe.vae))
    recipe.prepare(model)
    trainer.RUNS = recipe.runs
    trainer.DENSITY_TEXTS = trainer.NGRAM_TEXTS = FEW
    steps = 0
    stages = [(titles, 1 / 3, 0.0), (known, 2 / 3, recipe.decayed_share * 1.5)] if recipe.titles_first else None
    for texts, share, decayed in stages or [(known, 1.0, recipe.decayed_share)]:
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                output_dir=folder,
                max_steps=STEPS,
                per_device_train_batch_size=BATCH,
                learning_rate=recipe.learning_rate,
                lr_scheduler_type="constant",
                warmup_steps=50,
                bf16=trains_in_bf16(),
                use_cpu=not torch.cuda.is_available(),
                eval_strategy="no",
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
                disable_tqdm=True,
                seed=seed,
                dataloader_drop_last=True,
            )
            optimizer = MuonAdamW(model, lr=recipe.learning_rate) if recipe.muon else None
            clock = Clock(seconds * share, decayed)
            counter = Counter()
            space = train(
                model, tokenizer, texts, development[:4], arguments, optimizer=optimizer, callbacks=[clock, counter]
            )
            steps += counter.steps
    texts = [t for t, n in zip(development, space.lengths(development), strict=True) if n < POSITIONS]
    report = evaluate(space, texts, reference=known, samples=500, pairs=50).report
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": steps,
        "texts": len(texts),
        "nats": round(-space.log_likelihood(texts, space.encode(texts)).mean().item(), 3),
        "bleu": round(report["reconstruction"]["bleu"], 2),
        "exact": round(report["reconstruction"]["exact"], 4),
        "perplexity_ratio": round(report["samples"]["perplexity_ratio"], 3),
        "distinct": round(report["samples"]["distinct"], 3),
        "active_units": report["latent"]["active_units"],
        "effective_dimension": round(report["latent"]["effective_dimension"], 1),
        "mmd": round(report["latent"]["mmd"], 5),
        "mmd_p": round(report["latent"]["mmd_p"], 4),
    }


class Counter(TrainerCallback):
    """Remembers how many steps were made."""

    steps = 0

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.steps = state.global_step


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The rows as Markdown."""
    head = [
        "one change",
        "steps",
        "nats a token",
        "BLEU",
        "exact",
        "samples' perplexity",
        "distinct",
        "effective dimensions",
        "MMD (p)",
    ]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [
        f"| {name} | {r['steps']} | {r['nats']:.2f} | {r['bleu']:.1f} | {r['exact']:.1%} | "
        f"{r['perplexity_ratio']:.2f} | {r['distinct']:.0%} | {r['effective_dimension']:.0f} | "
        f"{r['mmd']:.4f} ({r['mmd_p']:.3f}) |"
        for name, r in rows.items()
    ]
    return "\n".join(lines)


def main() -> None:
    """Run what is missing, one row after the other, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder ../shared/data")
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    settings = {
        "seconds": options.seconds,
        "seed": options.seed,
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
        + (f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""),
    }
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if results.get("settings") != settings:
        results = {"settings": settings, "rows": {}}
    read = {
        name: pd.read_parquet(options.data / f"{name}/train.parquet", columns=["text"])["text"].sample(
            n, random_state=options.seed
        )
        for name, n in (("tweets", 220_000), ("titles", 100_000))
    }
    tweets, titles = (texts[texts.str.len() <= LONGEST].tolist() for texts in (read["tweets"], read["titles"]))
    logging.info("%d tweets, %d titles", len(tweets), len(titles))
    for name, recipe in VARIANTS.items():
        if name in results["rows"]:
            continue
        seed = options.seed + ("another seed" in name)
        results["rows"][name] = run(recipe, tweets, titles, seconds=options.seconds, seed=seed)
        logging.info("%s: %s", name, results["rows"][name])
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    sys.stdout.write(table(results["rows"]) + "\n")


if __name__ == "__main__":
    main()

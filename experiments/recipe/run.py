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
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from transformers import TrainerCallback, set_seed

from latentopt.evaluation import evaluate
from latentopt.training import trainer
from latentopt.training.losses import KL, MMD, LatentNoise, NoRegularizer
from latentopt.training.optimizers import Muon, Rates
from latentopt.training.recipe import Recipe, Schedule, Uses
from latentopt.training.starts import NewT5, Shape

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
LONGEST = 32  # characters: short texts, so that a row learns something in its time
DEVELOPMENT = 1000
STEPS = 100_000  # never reached: the clock ends a run
DECAYED = 0.4  # share of the time, the last, in which the learning rate falls to nought
SHAPE = Shape(latent_dim=128, pooled_dim=64, pooled_slots=4, positions=16)
START = NewT5(SHAPE, vocab_size=2048, d_model=128, layers=1, decoder_layers=2, d_ff=384)
BASE = Recipe(
    start=START,
    noise=LatentNoise(0.5),
    max_steps=STEPS,
    eval_steps=STEPS,
    schedule=Schedule(warmup_steps=50, decay=0.0),
    rates=Rates(3e-3),
)


def shaped(**changes: Any) -> Recipe:
    """The recipe with another shape of the latent."""
    return replace(BASE, start=replace(START, shape=replace(SHAPE, **changes)))


def begun(**changes: Any) -> Recipe:
    """The recipe with another new T5."""
    return replace(BASE, start=replace(START, **changes))


VARIANTS: dict[str, Recipe] = {
    "the recipe": BASE,
    "the recipe, another seed": replace(BASE, seed=1),
    "latent: pooled alone": shaped(pooled_dim=128),
    "latent: positions alone": shaped(pooled_dim=0),
    "latent: 32 dimensions": shaped(latent_dim=32, pooled_dim=16),
    "latent: 256 dimensions": shaped(latent_dim=256, pooled_dim=128),
    "latent: 8 pooled slots": shaped(pooled_slots=8),
    "uses: no fills": replace(BASE, uses=Uses(fills=0.0)),
    "uses: fills alone": replace(BASE, uses=Uses(fills=1.0)),
    "uses: no null latent": replace(BASE, uses=Uses(null_fills=0.0, null_wholes=0.0)),
    "noise: none": replace(BASE, noise=LatentNoise()),
    "noise: to 0.97": replace(BASE, noise=LatentNoise(0.97)),
    "regularizer: none": replace(BASE, regularizer=NoRegularizer()),
    "regularizer: MMD without moments": replace(BASE, regularizer=MMD(1.0, 0.0)),
    "regularizer: MMD of weight 100": replace(BASE, regularizer=MMD(100.0, 0.003)),
    "regularizer: MMD of weight 100, rising over 150 steps": replace(
        BASE, regularizer=MMD(100.0, 0.003), regularizer_warmup=150
    ),
    "regularizer: KL, no other noise": replace(shaped(stochastic=True), regularizer=KL(0.01), noise=LatentNoise()),
    "batches of one length": replace(BASE, runs=1),
    "vocabulary: 4,096": begun(vocab_size=4096),
    "optimizer: Muon": replace(BASE, optimizer=Muon()),
    "shape: 256 wide": begun(d_model=256, d_ff=768),
}


class Clock(TrainerCallback):
    """Ends a run after so many seconds, and lets the learning rates fall towards that end.

    (A schedule in steps would need to know how many a machine makes.)
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.started: float | None = None
        self.steps = 0

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.started = self.started or time.perf_counter()
        gone = (time.perf_counter() - self.started) / self.seconds
        for group in kwargs["optimizer"].param_groups:
            group["lr"] *= min(1.0, max(0.0, 1 - gone) / DECAYED)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        assert self.started is not None
        self.steps = state.global_step
        control.should_training_stop = time.perf_counter() - self.started > self.seconds


def run(recipe: Recipe, tweets: list[str], *, seconds: float) -> dict[str, Any]:
    """Train one row and measure it."""
    development, known = tweets[:DEVELOPMENT], tweets[DEVELOPMENT:]
    set_seed(recipe.seed)
    clock = Clock(seconds)
    with tempfile.TemporaryDirectory() as folder:
        space = trainer.train(recipe, known, development[:4], folder, callbacks=[clock])
    texts = [t for t, n in zip(development, space.lengths(development), strict=True) if n <= space.max_tokens]
    report = evaluate(space, texts, reference=known, samples=500, pairs=50).report
    filled = {name: part["nats"] for name, part in report["fills"].items()}
    return {
        "parameters": sum(p.numel() for p in space.model.parameters()),
        "steps": clock.steps,
        "texts": len(texts),
        "nats": round(-space.log_likelihood(texts, space.encode(texts)).mean().item(), 3),
        "nats_per_character": round(report["language_model"]["nats_per_character"], 3),
        "fill_nats": {name: round(nats, 3) for name, nats in filled.items()},
        "bleu": round(report["reconstruction"]["bleu"], 2),
        "exact": round(report["reconstruction"]["exact"], 4),
        "perplexity_ratio": round(report["samples"]["perplexity_ratio"], 3),
        "distinct": round(report["samples"]["distinct"], 3),
        "effective_dimension": round(report["latent"]["effective_dimension"], 1),
        "mmd": round(report["latent"]["mmd"], 5),
        "mmd_p": round(report["latent"]["mmd_p"], 4),
    }


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The rows as Markdown."""
    head = [
        "one change",
        "steps",
        "nats a token, own latent",
        "nats a character, none",
        "fills: own / no / a wrong latent",
        "BLEU",
        "exact",
        "samples' perplexity",
        "distinct",
        "effective dimensions",
        "MMD (p)",
    ]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [
        f"| {name} | {r['steps']} | {r['nats']:.2f} | {r['nats_per_character']:.2f} | "
        f"{' / '.join(f'{nats:.2f}' for nats in r['fill_nats'].values())} | {r['bleu']:.1f} | {r['exact']:.1%} | "
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
    parser.add_argument("--seed", type=int, default=0, help="of the draw of the tweets")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    settings = {
        "seconds": options.seconds,
        "seed": options.seed,
        "network": "pooled and positional",
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
        + (f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""),
    }
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if results.get("settings") != settings:
        results = {"settings": settings, "rows": {}}
    tweets = pd.read_parquet(options.data / "tweets/train.parquet", columns=["text"])["text"]
    tweets = tweets.sample(220_000, random_state=options.seed)
    short = tweets[tweets.str.len() <= LONGEST].tolist()
    logging.info("%d tweets", len(short))
    for name, recipe in VARIANTS.items():
        if name in results["rows"]:
            continue
        results["rows"][name] = run(recipe, short, seconds=options.seconds)
        logging.info("%s: %s", name, results["rows"][name])
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    sys.stdout.write(table(results["rows"]) + "\n")


if __name__ == "__main__":
    main()

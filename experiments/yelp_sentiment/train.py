"""Train the bundled model on with Yelp's sentences, which of them are praise among what its latent tells.

    python experiments/yelp_sentiment/train.py --data ../shared/data --output runs/yelp/model [--steps 600]

On a GPU, in minutes; a processor core would take many hours. Weights are rounded in every step, and written in 4 bits.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch

from latentopt.model.quantized import SMALL
from latentopt.space.space import BUNDLED
from latentopt.training.losses import MMD, LatentNoise, Property, Weights
from latentopt.training.optimizers import Rates
from latentopt.training.recipe import Recipe, Schedule, Uses
from latentopt.training.starts import FromModel
from latentopt.training.trainer import train

BATCH, STEPS = 512, 600
RECIPE = Recipe(
    start=FromModel(BUNDLED),
    properties=(Property("positive", binary=True),),
    noise=LatentNoise(0.6),
    uses=Uses(fills=0.6, null_fills=0.3, null_wholes=0.3, read=0.15),
    regularizer=MMD(1.0, 0.3),
    weights=Weights(properties=0.5),
    batch_size=BATCH,
    runs=1,
    max_steps=STEPS,
    schedule=Schedule(warmup_steps=50, decay=0.9),
    rates=Rates(new=5e-4, encoder=0.5, language_model=0.3),
    precision=SMALL,
    eval_steps=1_000_000,  # never
)


def main() -> None:
    """Train, and write model, tokenizer and density."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder ../shared/data")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    rows = pd.read_parquet(options.data / "yelp/train.parquet").drop_duplicates("text")
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as work:
        space = train(
            replace(RECIPE, max_steps=options.steps),
            rows["text"].tolist(),
            rows["text"][:4].tolist(),
            work,
            values=rows[["positive"]].to_numpy("float32"),
        )
        space.save_pretrained(options.output, precision=SMALL)
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    logging.info("%d steps of %d in %.0f s, %s", options.steps, BATCH, time.perf_counter() - started, where)


if __name__ == "__main__":
    main()

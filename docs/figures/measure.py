"""Measure what the figures of `How it works` show, and write measured.json beside this file.

    python docs/figures/measure.py

Three tiny models are trained on made-up sentences, and the bundled model edits examples/drafts.csv: some minutes on two
cores.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

import latentopt as lo
from latentopt.evaluation import latent_health, reconstruction
from latentopt.training.losses import KL, MMD, LatentNoise, NoRegularizer, Regularizer
from latentopt.training.optimizers import Rates
from latentopt.training.recipe import Recipe, Schedule, Uses
from latentopt.training.starts import NewT5, Shape
from latentopt.training.trainer import train

HERE = Path(__file__).parent
WORDS = [
    [
        "my neighbour",
        "the old baker",
        "a quiet student",
        "her brother",
        "our captain",
        "the tall nurse",
        "a young clerk",
    ],
    ["paints", "sells", "repairs", "forgets", "loves", "carries", "hides"],
    ["green bicycles", "warm bread", "broken clocks", "long letters", "small boats", "paper stars", "old maps"],
    ["every morning", "on Sundays", "after the rain", "without a word", "in winter", "by the river", "at night"],
]
REGULARIZERS: dict[str, Regularizer] = {
    "none": NoRegularizer(),
    "KL": KL(1.0, free_bits=0.0),
    "MMD": MMD(1.0, 0.3),
}
STEPS = 400
WISHES = (2, 8)  # times the text's own predicted likes


def collapse() -> dict[str, dict[str, float]]:
    """What three regularizers leave of the latent, of tiny models after equally many steps."""
    sentences = [" ".join(words) for words in itertools.product(*WORDS)]
    random.Random(0).shuffle(sentences)
    texts, unseen = sentences[:-300], sentences[-300:]
    found = {}
    for name, regularizer in REGULARIZERS.items():
        shape = Shape(latent_dim=16, pooled_dim=16, pooled_slots=2, positions=32, slot_dim=8, stochastic=name == "KL")
        recipe = Recipe(
            start=NewT5(shape, vocab_size=400, d_model=32, layers=1, heads=2, d_ff=64),
            noise=LatentNoise(0.0),
            uses=Uses(fills=0.0),
            regularizer=regularizer,
            epochs=100,
            max_steps=STEPS,
            batch_size=32,
            runs=1,
            schedule=Schedule(warmup_steps=20),
            rates=Rates(1e-2),
            eval_steps=STEPS,
        )
        with tempfile.TemporaryDirectory() as folder:
            space = train(recipe, texts, unseen[:50], folder)
        z = space.encode(unseen)
        health = latent_health(z)
        found[name] = {
            **reconstruction(unseen, space.decode(z)),
            "active_axes": health["active_axes"],
            "mmd": health["mmd"],
        }
    return found


def promised() -> list[dict[str, Any]]:
    """For every candidate of every draft and wish: likes promised and realised, in multiples of the draft's own.

    from: "moved" where the latent that it was led by was moved towards the wish, "null" where that was the one that
    says nothing, "read" where words were merely left out, so that the latent is the text's own.
    """
    space = lo.LatentSpace.from_pretrained()
    likes = lo.load_fitted("likes", space)
    drafts = pd.read_csv(HERE.parents[1] / "examples/drafts.csv")["text"].tolist()
    z = space.pooled(space.encode(drafts))
    own = likes.shown.predict(z, drafts)
    # Promises begin at what is shown of the draft, and go by what the head says more, in its scale.
    head = np.log1p(likes.head.predict(torch.cat([space.null, z]).numpy()))
    null = np.expm1(np.log1p(own) + head[0] - head[1:]) / own
    found = []
    for times in WISHES:
        goal = lo.Target(likes.head, (times * own).tolist())
        editor = lo.TextEditor(space, goal, readers=likes.readers(), opinions=likes.opinions())
        for edit, of_null in zip(editor.edit(drafts), null.tolist(), strict=True):
            now = edit.predicted["likes"].value
            for candidate in edit.candidates:
                said = candidate.promised["likes"] / now
                left_out = not any(change.now for change in candidate.changes)
                kind = "null" if math.isclose(said, of_null, rel_tol=1e-3) else "read" if left_out else "moved"
                realised = candidate.realised["likes"].value / now
                found.append({"wished": times, "from": kind, "promised": said, "realised": realised})
    return found


if __name__ == "__main__":
    measured = {"collapse": collapse(), "promised": promised()}
    (HERE / "measured.json").write_text(json.dumps(measured, indent=1) + "\n")
    print(json.dumps(measured["collapse"], indent=1))

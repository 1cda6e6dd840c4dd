"""The model card of a trained model: what it was trained on and how, and what `evaluate` measured on held-out texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from latentopt.evaluation import evaluate
from latentopt.evaluation.report import FEWEST
from latentopt.space import LatentSpace
from latentopt.tables import atomic_write
from latentopt.training.recipe import Recipe, described

FILE = "README.md"
BEGIN, END = "<!-- measured by latentopt train; what stands between these two lines is written anew -->", "<!-- end -->"
MOST, SAMPLES, PAIRS, POINTS = 200, 100, 20, 5  # held-out texts and draws: a card shall not take as long as an epoch
AROUND = f"""---
library_name: latentopt
tags: [t5-vae, text-autoencoder, latent-space]
---

# {{name}}

A T5-VAE, trained by `latentopt train`. `latentopt sample --model {{name}}` shows what it writes.

{BEGIN}
{END}

## Data and limits

Say here whose texts it was trained on, what they may be used for, what the model is for, and what it must not be used
for.
"""


def write_card(space: LatentSpace, recipe: Recipe, texts: int, valid_texts: Sequence[str], folder: Path) -> None:
    """Write README.md into a model's folder; of one that is there, what was measured alone, and the rest stays.

    Args:
        space: the trained model. recipe: what it was trained by. texts: how many it was trained on.
        valid_texts: held out; the first 200 that are within the model's limit are measured, if there are four or more.
        folder: the model's.
    """
    file = folder / FILE
    card = file.read_text(encoding="utf-8") if file.exists() else AROUND.format(name=folder.name)
    if BEGIN not in card or END not in card.partition(BEGIN)[2]:
        return  # a card of one's own
    before, _, rest = card.partition(BEGIN)
    after = rest.partition(END)[2]
    measured = "\n".join([BEGIN, *_about(space, recipe, texts), *_measured(space, valid_texts, recipe.seed), END])
    with atomic_write(file) as temporary:
        temporary.write_text(before + measured + after, encoding="utf-8")


def _about(space: LatentSpace, recipe: Recipe, texts: int) -> list[str]:
    parameters = sum(parameter.numel() for parameter in space.model.parameters())
    return [
        "",
        f"{parameters:,} parameters; one latent vector of {space.latent_dim} dimensions, of which the first "
        f"{space.pooled_dim} say what a text means; at most {space.max_tokens} tokens. Trained on {texts:,} texts by "
        "this recipe:",
        "",
        "```json",
        json.dumps(described(recipe), ensure_ascii=False),
        "```",
        "",
        "## How good it is",
        "",
    ]


def _measured(space: LatentSpace, valid_texts: Sequence[str], seed: int) -> list[str]:
    lengths = space.lengths(valid_texts)
    within = [text for text, n in zip(valid_texts, lengths, strict=True) if n <= space.max_tokens][:MOST]
    if len(within) < FEWEST:
        return [f"Not measured: that needs {FEWEST} held-out texts or more; give `--valid FILE`.", ""]
    found = evaluate(space, within, samples=SAMPLES, pairs=PAIRS, points=POINTS, seed=seed).report
    rows = [f"| {what} | {figure} |" for what, figure in _figures(found)]
    return [f"On {len(within):,} texts that were held out:", "", "| what | figure |", "|---|---|", *rows, ""]


def _figures(found: dict[str, Any]) -> list[tuple[str, str]]:
    back, latent, language = found["reconstruction"], found["latent"], found["language_model"]
    figures = [
        ("as a language model: nats a character", f"{language['nats_per_character']:.3f}"),
        ("written from the latent alone: BLEU / exact", f"{back['bleu']:.1f} / {back['exact']:.1%}"),
        ("latent: active units", f"{latent['active_units']:.1%}"),
        ("latent against N(0, I): MMD, permutation p", f"{latent['mmd']:.4f}, {latent['mmd_p']:.3f}"),
        ("samples: n-gram perplexity over that of real texts", f"{found['samples']['perplexity_ratio']:.2f}"),
    ]
    if found["fills"]:
        kinds = [found["fills"][kind]["nats"] for kind in ("true", "null", "wrong")]
        what = "1 to 3 masked words: nats a token given the text's latent, none, another's"
        figures.insert(1, (what, ", ".join(f"{nats:.2f}" for nats in kinds)))
    return figures

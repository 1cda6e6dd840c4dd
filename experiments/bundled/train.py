"""How the bundled model is trained: what it begins with, its recipe, and what is recorded of its training."""

from __future__ import annotations

from typing import Any

from corpus import PROPERTIES
from weights import LANGUAGE_MODEL, Weights

from latentopt.model.quantized import SMALL
from latentopt.training.losses import MMD, LatentNoise
from latentopt.training.losses import Weights as LossWeights
from latentopt.training.optimizers import AdamW, Rates
from latentopt.training.recipe import Recipe, Schedule, Uses
from latentopt.training.starts import FromCausalLM, Shape

SHAPE = Shape(latent_dim=512, pooled_dim=256, pooled_slots=8, positions=64, slot_dim=32)
LAYERS = tuple(i for i in range(30) if i not in (6, 7, 16, 17, 18, 26))  # the others tell least: ../shared/DESIGN.md
CROSS_ATTENTION = tuple(range(2, len(LAYERS), 3))
WHOLES, FILLS, READ = 128, 288, 96  # texts of a batch: on a GPU a step takes as long for all of them as for a few
BATCH = WHOLES + FILLS + READ
RECIPE = Recipe(
    properties=PROPERTIES,
    noise=LatentNoise(0.6),
    uses=Uses(fills=FILLS / BATCH, null_fills=0.3, null_wholes=0.3, read=READ / BATCH),
    regularizer=MMD(1.0, 0.3),
    weights=LossWeights(fills=1.0, wholes=1.0, teacher=1.0, properties=0.5),
    batch_size=BATCH,
    runs=1,
    schedule=Schedule(warmup_steps=150, decay=0.7),
    rates=Rates(new=1.5e-3, encoder=0.35, language_model=0.2),
    optimizer=AdamW(),
    precision=SMALL,
    eval_steps=1_000_000,  # never: there is no time for it
)
SEEN = ("loss", "wholes", "fills", "teacher", "properties")


def beginning(weights: Weights) -> FromCausalLM:
    """The language model, cut and adapted."""
    return FromCausalLM(
        str(weights.language_model),
        SHAPE,
        gguf_file=LANGUAGE_MODEL,
        layers=LAYERS,
        cross_attention=CROSS_ATTENTION,
    )


def recorded(seen: dict[str, Any]) -> dict[str, Any]:
    """What results.json says of a training, from the log that gpu.py has written."""
    steps = seen["log"][-1]["step"]
    return {
        **{key: value for key, value in seen.items() if key != "log"},
        "steps": steps,
        "texts": steps * BATCH,
        "written": steps * (WHOLES + FILLS),
        "minutes": round(steps / seen["rate"] / 60, 1),
        "curve": [
            {"step": row["step"], **{key: round(row[key], 4) for key in SEEN}} for row in seen["log"] if "fills" in row
        ],
    }

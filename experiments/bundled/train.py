"""Train the bundled model by stages, each a line of one recipe. Stop it and start it again at will."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from corpus import PROPERTIES, Corpus
from transformers import TrainerCallback
from weights import LANGUAGE_MODEL, Weights

from latentopt.model.quantized import SMALL
from latentopt.training.losses import MMD, LatentNoise
from latentopt.training.losses import Weights as LossWeights
from latentopt.training.optimizers import AdamW, Rates
from latentopt.training.recipe import Recipe, Schedule, Uses
from latentopt.training.starts import FromCausalLM, FromModel, Shape
from latentopt.training.trainer import train

SHAPE = Shape(latent_dim=512, pooled_dim=256, pooled_slots=8, positions=64, slot_dim=32)
LAYERS = tuple(i for i in range(30) if i not in (6, 7, 16, 17, 18, 26))  # the others tell least: ../shared/DESIGN.md
CROSS_ATTENTION = tuple(range(2, len(LAYERS), 3))
WHOLES, FILLS, READ = 8, 16, 48  # texts of a batch
BATCH = WHOLES + FILLS + READ
ACCUMULATED = 2  # batches of a step, but in the first stage
STAGES = ("full", "rounded", "decay")
RECIPE = Recipe(
    properties=PROPERTIES,
    noise=LatentNoise(0.6),
    uses=Uses(fills=FILLS / BATCH, null_fills=5 / FILLS, null_wholes=2 / WHOLES, read=READ / BATCH),
    regularizer=MMD(1.0, 0.3),
    weights=LossWeights(fills=1.0, wholes=1.0, teacher=1.0, properties=0.5),
    batch_size=BATCH,
    runs=1,
    schedule=Schedule(warmup_steps=60, decay=0.0),
    rates=Rates(new=1e-3, encoder=0.3, language_model=0.15),
    optimizer=AdamW(),
    eval_steps=50,
)
FULL_STEPS = 404  # of the shipped model; later ones of its training were rounded
ENDLESS = 1_000_000  # steps: the rates are constant, and the clock ends the stage
VALID = 64  # texts of an evaluation


def stages(
    weights: Weights, work: Path, *, decay_steps: int, seed: int, begin: Path | None = None
) -> dict[str, Recipe]:
    """The stages in their order; each but the first begins where the one before has ended.

    begin: a finished model that the rounded stage begins with; there is no full stage then.
    """
    common = replace(RECIPE, teacher=weights.teacher, seed=seed)
    rounded = replace(common, precision=SMALL, accumulate=ACCUMULATED)
    full = {} if begin else {"full": replace(common, start=_beginning(weights), max_steps=FULL_STEPS)}
    return full | {
        "rounded": replace(
            rounded, start=_after(begin or work / "full"), schedule=Schedule(30, 0.0), max_steps=ENDLESS
        ),
        "decay": replace(rounded, start=_after(work / "rounded"), schedule=Schedule(5, 1.0), max_steps=decay_steps),
    }


def _beginning(weights: Weights) -> FromCausalLM:
    return FromCausalLM(
        str(weights.language_model),
        SHAPE,
        gguf_file=LANGUAGE_MODEL,
        layers=LAYERS,
        cross_attention=CROSS_ATTENTION,
    )


def _after(stage: Path) -> FromModel:
    return FromModel(stage, new_cross_attention=True)  # it is to learn on as fast as before


class Clock(TrainerCallback):
    """Ends a stage after so many minutes, with a checkpoint."""

    def __init__(self, minutes: float | None) -> None:
        self.minutes = minutes
        self.started = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.minutes is not None and time.monotonic() - self.started > 60 * self.minutes:
            control.should_save = control.should_training_stop = True


def train_bundled(
    corpus: Corpus,
    weights: Weights,
    work: Path,
    *,
    minutes: float | None,
    decay_steps: int,
    seed: int,
    begin: Path | None = None,
) -> None:
    """Run the stages that are left.

    A stage that has checkpoints is gone on with; those before it are done. `minutes` is the time of the rounded stage
    in this call: the decay follows it, from whatever it has reached. The trained model is in `work`/decay. `begin`: see
    `stages`.
    """
    planned = stages(weights, work, decay_steps=decay_steps, seed=seed, begin=begin)
    for name, recipe in planned.items():
        if name == "full" and _checkpoints(work / "rounded"):
            continue
        logging.info("stage %s", name)
        train(
            recipe,
            corpus.texts,
            corpus.development[:VALID],
            work / name,
            values=corpus.values,
            cache=work,
            # What it was made from has moved on: the decay is that of the last rounded weights.
            restart=name == "decay",
            callbacks=[Clock(minutes)] if name == "rounded" else [],
        )


def recorded(work: Path, before: dict[str, Any] | None) -> dict[str, Any]:
    """What was seen of all stages of a work folder; `before`: of the training of the model that they began with."""
    found = [{"stage": stage, **_curve(work / stage)} for stage in STAGES if _checkpoints(work / stage)]
    earlier = [] if before is None else before["stages"]
    return {
        "texts": sum(stage["written"] + stage["read"] for stage in [*earlier, *found]),
        "stages": [*earlier, *found],
    }


def _checkpoints(stage: Path) -> list[Path]:
    return sorted(stage.glob("checkpoint-*"), key=lambda folder: int(folder.name.split("-")[1]))


def _curve(stage: Path) -> dict[str, Any]:
    state = json.loads((_checkpoints(stage)[-1] / "trainer_state.json").read_text())
    texts = state["global_step"] * (1 if stage.name == "full" else ACCUMULATED)
    seen = ("loss", "wholes", "fills", "teacher", "properties", "eval_bleu", "eval_nats", "eval_mmd")
    curve: dict[int, dict[str, float]] = {}  # what was logged at a step is in several rows
    for row in state["log_history"]:
        curve.setdefault(row["step"], {}).update({key: round(row[key], 4) for key in seen if key in row})
    return {
        "steps": state["global_step"],
        "written": texts * (WHOLES + FILLS),
        "read": texts * READ,
        "curve": [{"step": step, **row} for step, row in curve.items() if row],
    }

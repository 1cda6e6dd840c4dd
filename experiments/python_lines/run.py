"""The experiment of the original T5-VAE: a model of single Python statements, trained from scratch.

Cuts the statements out of this interpreter's standard library and packages, trains, and measures how many samples of
the prior and how many points between two statements `ast.parse` accepts. Stop it and start it again at will.
"""

from __future__ import annotations

import argparse
import ast
import json
import logging
import platform
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from corpus import Lines, read_lines
from transformers import TrainerCallback, set_seed

from latentopt.evaluation import evaluate, valid_share
from latentopt.evaluation.plots import interpolation_table, reconstruction_by_length, training_curves
from latentopt.space import LatentSpace
from latentopt.training.losses import MMD, LatentNoise
from latentopt.training.optimizers import Muon, Rates
from latentopt.training.recipe import Recipe, Schedule, Uses, described
from latentopt.training.starts import NewT5, Shape
from latentopt.training.trainer import train

HERE = Path(__file__).parent
TRAIN, VALID = 400_000, 10_000
DEVELOPMENT = 300  # statements of the training list that are left out of it, for the curve
MEASURED = 2000  # validation statements
SAMPLED = 300  # samples for each point of the curve
# Through such noise 24 dimensions can say 28 bits: enough to tell 1,000 random latents apart.
FIRST_NOISE, NOISE = 0.1, 0.45
RECIPE = Recipe(
    # All of the latent is pooled: noise added to the tokens would keep the decoder from learning the language.
    start=NewT5(
        Shape(latent_dim=24, pooled_dim=24, positions=24),
        vocab_size=1024,
        d_model=128,
        layers=1,
        decoder_layers=3,
        d_ff=384,
    ),
    noise=LatentNoise(FIRST_NOISE, FIRST_NOISE),
    uses=Uses(fills=0.0, null_wholes=0.0),
    regularizer=MMD(100.0, 0.003),
    rates=Rates(3e-3),
    optimizer=Muon(),
    schedule=Schedule(warmup_steps=100, decay=0.5),
)
# The document that this project starts from shows the way between two lines like these, and samples.
ENDS = [("x = a - 1;", "x = a + 10 * 2;"), ("x = a - 1", "return self.name"), ("import os", "print(x)")]
SHOWN = 20
CURVE = {"eval_bleu": "BLEU", "eval_mmd": "MMD", "eval_valid": "valid samples", "eval_distinct": "distinct samples"}


def parses(text: str) -> bool:
    """Whether `ast.parse` accepts a text and finds a statement in it: it accepts nothing and comments, too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of invalid escapes in strings
        return bool(ast.parse(text).body)


class NoiseSchedule(TrainerCallback):
    """The noise on the latent: small in the first 30% of the steps, its value from 70% on, rising in between.

    From scratch, a decoder whose latent is half noise learns to do without it.
    """

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        risen = min(1.0, max(0.0, (state.global_step / args.max_steps - 0.3) / 0.4))
        noise = FIRST_NOISE + risen * (NOISE - FIRST_NOISE)
        kwargs["model"].noise = LatentNoise(noise, noise)


class SampleCurve(TrainerCallback):
    """Add to each evaluation how many samples are valid, and how many distinct."""

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        loss = kwargs["model"].eval()
        samples = LatentSpace(loss.model, kwargs["processing_class"]).sample(SAMPLED)
        loss.train()
        found = {"eval_valid": valid_share(samples, parses), "eval_distinct": len(set(samples)) / SAMPLED}
        state.log_history[-1].update(found)
        logging.info("samples %s", found)


def train_lines(lines: Lines, work: Path, *, steps: int, seed: int) -> tuple[LatentSpace, list[dict[str, float]]]:
    """Train, or go on, or load what was trained; return the space and the curve."""
    set_seed(seed)
    space = train(
        replace(RECIPE, max_steps=steps, seed=seed),
        lines.train[DEVELOPMENT:],
        lines.train[:DEVELOPMENT],
        work,
        callbacks=[NoiseSchedule(), SampleCurve()],
    )
    last = max(work.glob("checkpoint-*"), key=lambda folder: int(folder.name.split("-")[1]))
    history = json.loads((last / "trainer_state.json").read_text())["log_history"]
    return space, [{k: row[k] for k in ("step", *CURVE)} for row in history if "eval_bleu" in row]


def main() -> None:
    """Train, measure, draw; write results.json and the figures beside this file, and print the two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/python_lines"), help="checkpoints; kept to go on from")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    started = time.time()
    lines = read_lines(seed=options.seed, train=TRAIN, valid=VALID)
    logging.info("statements %s", lines.description)
    space, curve = train_lines(lines, options.work, steps=options.steps, seed=options.seed)
    trained = time.time()
    limit = space.max_tokens
    texts = [t for t, n in zip(lines.valid, space.lengths(lines.valid), strict=True) if n <= limit][:MEASURED]
    found = evaluate(space, texts, reference=lines.train, checker=parses, seed=options.seed)
    all_valid = sum(valid_share(path, parses) == 1 for path in found.paths) / len(found.paths)
    table = space.interpolate(*(list(side) for side in zip(*ENDS, strict=True)))
    report = found.report
    del report["latent"]["dimensions"]
    results = {
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
        + (f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""),
        "python": platform.python_version(),
        "statements": lines.description,
        "recipe": described(replace(RECIPE, max_steps=options.steps, seed=options.seed)),
        "seconds": {"this_start": round(trained - started), "evaluation": round(time.time() - trained)},
        "evaluation": report,
        "pairs_with_all_points_valid": all_valid,
        "interpolation": table,
        "samples": [{"text": t, "valid": valid_share([t], parses) == 1} for t in found.samples[:SHOWN]],
        "curve": curve,
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    interpolation_table(table).savefig(HERE / "interpolation.png", dpi=130)
    reconstruction_by_length(report["reconstruction"]["by_length"]).savefig(HERE / "reconstruction.png", dpi=130)
    training_curves(curve, CURVE).savefig(HERE / "training.png", dpi=130)
    for path in table:
        print(*path, "", sep="\n")
    for sample in results["samples"]:
        print("valid  " if sample["valid"] else "INVALID", sample["text"])


if __name__ == "__main__":
    main()

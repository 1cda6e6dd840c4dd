"""Make the bundled model from the data folder: train, build, measure, write the model card.

Stop it and start it again at will: training goes on from its last complete checkpoint.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from pathlib import Path
from typing import Any

from build import build
from card import write_card
from evaluate import evaluate
from train import corpus_of, train_bundled

from latentopt.evaluation.plots import training_curves
from latentopt.tables import atomic_directory

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PRETRAINED = HERE.parents[1] / "latentopt/pretrained"


def main() -> None:
    """Run all four steps, or the last two; the figures go into results.json beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder ../shared/data")
    parser.add_argument("--work", type=Path, default=Path("runs/bundled"), help="checkpoints; kept to go on from")
    parser.add_argument("--output", type=Path, default=PRETRAINED)
    parser.add_argument("--start", type=Path, help="directory of a model to begin with; default: none, from scratch")
    parser.add_argument("--last-stage", action="store_true", help="fewer dimensions, tweets alone")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--measure", action="store_true", help="only measure the model in --output, and write its card")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    results = json.loads(RESULTS.read_text()) if options.measure else made(options)
    results["evaluation"] = evaluate(options.data, str(options.output), seed=options.seed, figures=HERE / "figures")
    measures = {"eval_bleu": "BLEU", "eval_exact": "exact match", "eval_mmd": "MMD"}
    training_curves(results["training"]["curve"], measures).savefig(HERE / "figures/training.png", dpi=130)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    write_card(options.output, results)


def made(options: argparse.Namespace) -> dict[str, Any]:
    """Train and build; the record of both."""
    training = train_bundled(
        options.data,
        options.work,
        steps=options.steps,
        seed=options.seed,
        start=options.start,
        last_stage=options.last_stage,
    )
    started = time.perf_counter()
    corpus = corpus_of(options.data, options.seed, training["recipe"])
    with atomic_directory(options.output) as folder:  # --start may be what is replaced
        parts = build(options.data, corpus, options.work / "best", options.work, folder, seed=options.seed)
    return {"training": training, "parts": parts | {"seconds": round(time.perf_counter() - started)}}


if __name__ == "__main__":
    main()

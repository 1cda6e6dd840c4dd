"""Make the bundled model from the data folder: train, build, measure, write the model card.

Stop it and start it again at will: training goes on from its last complete checkpoint.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from pathlib import Path

from build import build
from card import write_card
from evaluate import evaluate
from train import corpus_of, train_bundled

from latentopt.plots import training_curves

HERE = Path(__file__).parent
PRETRAINED = HERE.parents[1] / "latentopt/pretrained"


def main() -> None:
    """Run all four steps; the figures go into results.json beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder ../shared/data")
    parser.add_argument("--work", type=Path, default=Path("runs/bundled"), help="checkpoints; kept to go on from")
    parser.add_argument("--output", type=Path, default=PRETRAINED)
    parser.add_argument("--start", type=Path, help="directory of a model to begin with; default: none, from scratch")
    parser.add_argument("--last-stage", action="store_true", help="fewer dimensions, tweets alone")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    training = train_bundled(
        options.data,
        options.work,
        steps=options.steps,
        seed=options.seed,
        start=options.start,
        last_stage=options.last_stage,
    )
    started = time.perf_counter()
    parts = build(
        options.data,
        corpus_of(options.data, options.seed),
        options.work / "best",
        options.work,
        options.output,
        seed=options.seed,
    )
    seconds = round(time.perf_counter() - started)
    figures = evaluate(options.data, str(options.output), seed=options.seed, figures=HERE / "figures")
    measures = {"eval_bleu": "BLEU", "eval_exact": "exact match", "eval_mmd": "MMD"}
    training_curves(training["curve"], measures).savefig(HERE / "figures/training.png", dpi=130)
    results = {"training": training, "parts": parts | {"seconds": seconds}, "evaluation": figures}
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    write_card(options.output, results)


if __name__ == "__main__":
    main()

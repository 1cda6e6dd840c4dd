"""Make the bundled model from a trained one: weights in few bits, density, heads and directions.

    python experiments/bundled/run.py --data ../shared/data --trained runs/gpu/trained

gpu.py trains it, and says how.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

from build import build
from gpu import LOG
from train import recorded

from latentopt.tables import atomic_directory

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PRETRAINED = HERE.parents[1] / "latentopt/pretrained"


def main() -> None:
    """Build, and write what was seen into results.json beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder ../shared/data")
    parser.add_argument("--trained", type=Path, required=True, help="the model, with its log")
    parser.add_argument("--output", type=Path, default=PRETRAINED)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with atomic_directory(options.output) as folder:
        parts = build(options.data, options.trained, folder, seed=options.seed)
    training = recorded(json.loads((options.trained / LOG).read_text()))
    RESULTS.write_text(json.dumps({"training": training, "parts": parts}, indent=2) + "\n")


if __name__ == "__main__":
    main()

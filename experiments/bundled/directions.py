"""Mine the bundled directions anew, on the bundled model as it is: after a change of miner, pairs or editor.

python experiments/bundled/directions.py --data ../shared/data [NAME ...]
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

from build import DIRECTIONS, mine_directions
from run import PRETRAINED, RESULTS

from latentopt.space import LatentSpace
from latentopt.tables import atomic_update


def main() -> None:
    """Mine, put what works in the place of what was there, and what was seen into results.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder ../shared/data")
    parser.add_argument("names", nargs="*", metavar="NAME", help="[default: all]")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    space = LatentSpace.from_pretrained(PRETRAINED)
    names = options.names or DIRECTIONS
    with atomic_update(PRETRAINED / "directions", void=[f"{name}.safetensors" for name in names]) as folder:
        found = mine_directions(space, options.data, folder, names, seed=options.seed)
    results = json.loads(RESULTS.read_text())
    RESULTS.write_text(json.dumps({**results, "parts": results["parts"] | found}, indent=2) + "\n")


if __name__ == "__main__":
    main()

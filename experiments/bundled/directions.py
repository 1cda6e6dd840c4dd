"""Mine the bundled directions anew, on the bundled model as it is: after a change of miner, pairs or editor.

python experiments/bundled/directions.py --data ../shared/data
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
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    space = LatentSpace.from_pretrained(PRETRAINED)
    with atomic_update(PRETRAINED, void=["directions"]) as folder:
        found = mine_directions(space, options.data, folder, seed=options.seed)
    results = json.loads(RESULTS.read_text())
    parts = {name: part for name, part in results["parts"].items() if name not in DIRECTIONS}
    RESULTS.write_text(json.dumps({**results, "parts": parts | found}, indent=2) + "\n")


if __name__ == "__main__":
    main()

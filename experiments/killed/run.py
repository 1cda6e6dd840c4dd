"""Kill each verb many times at random moments, and compare its end with that of an undisturbed run.

    python experiments/killed/run.py [--kills 300]

The toy model of the tests, and their harness (tests/kill). Prints a line a verb, and fails where an end is another one;
results.json keeps the last run of each seed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import tempfile
import time
from pathlib import Path

from tests.kill.harness import Bench, digest, undisturbed, verbs

RESULTS = Path(__file__).parent / "results.json"


def main() -> None:
    """Kill, compare, and write down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300, help="in all verbs together")
    parser.add_argument("--verbs", default="", help="names, set apart by commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=3, help="kills of one run, which then goes on to its end")
    asked = parser.parse_args()

    folder = Path(tempfile.mkdtemp())
    bench = Bench(folder)
    chosen = {name: verb for name, verb in verbs(folder).items() if not asked.verbs or name in asked.verbs.split(",")}
    rng, begun = random.Random(asked.seed), time.monotonic()
    found: dict[str, dict[str, int]] = {}
    for name, verb in chosen.items():
        seconds = undisturbed(bench, name, verb)
        hits = kills = runs = same = 0
        while kills < asked.kills / len(chosen):
            where = folder / f"{name}-{runs}"
            where.mkdir()
            hits += bench.disturbed(name, verb, where, rng, asked.each, seconds)
            kills, runs = kills + asked.each, runs + 1
            same += all(digest(where / made) == digest(folder / "whole" / name / made) for made in verb.makes)
            shutil.rmtree(where)
        found[name] = {"kills": kills, "while it ran": hits, "runs": runs, "same end": same}
        print(name, found[name], flush=True)
        assert same == runs
    shutil.rmtree(folder)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    about = {"cores": os.cpu_count(), "seconds": round(time.monotonic() - begun)}
    results[f"seed {asked.seed}"] = {**about, "verbs": found}
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":  # its children import it
    main()

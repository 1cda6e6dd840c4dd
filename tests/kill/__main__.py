"""Many kills: `python -m tests.kill --kills 300`; prints a table, and fails where an end is not the undisturbed one."""

import argparse
import random
import shutil
import tempfile
import time
from pathlib import Path

from tests.kill.harness import Bench, digest, undisturbed, verbs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300, help="in all verbs together")
    parser.add_argument("--verbs", default="", help="names, set apart by commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=3, help="kills of one run, which then goes on to its end")
    asked = parser.parse_args()

    folder = Path(tempfile.mkdtemp())
    bench = Bench(folder)
    chosen = {name: verb for name, verb in verbs(folder).items() if not asked.verbs or name in asked.verbs.split(",")}
    rng, begun = random.Random(asked.seed), time.monotonic()
    print("verb        kills  hits  runs  same end")
    total = 0
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
        total += kills
        print(f"{name:<10} {kills:6} {hits:5} {runs:5} {same:5}", flush=True)
        assert same == runs
    print(f"{total} kills in {time.monotonic() - begun:.0f} s")
    shutil.rmtree(folder)


if __name__ == "__main__":  # its children import it
    main()

"""Whether memory grows with the rows: peak memory and seconds of verbs with `--output`. Prints JSON.

    python experiments/speed/memory.py --encode 1000 100000 --optimize 50 2000 --apply 50 400
    python experiments/speed/memory.py --data ../shared/data --encode 1000 100000 --optimize --apply

The first takes made-up texts and the tests' tiny model, whose own memory is small beside what rows could take; the
second titles, and the model that comes with the package, whose edits take seconds each.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from latentopt.directions import Direction
from latentopt.heads import save_head
from property_models import RidgeHead
from tests.toy import toy_space, toy_texts

LITTLE = ["--effort", "0.1"]

Options = dict[str, list[str]]  # of each verb
Texts = Callable[[int], list[str]]  # so many


def measured(arguments: list[str]) -> dict[str, float]:
    """Run a command; its peak memory and seconds."""
    begun = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "latentopt", *arguments], stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, arguments
    return {"peak_mb": round(usage.ru_maxrss / 1024, 1), "seconds": round(time.monotonic() - begun, 1)}


def toy(folder: Path) -> tuple[Options, Texts]:
    """Options of each verb, which name the model and what is wished for; texts."""
    space = toy_space()
    space.save_pretrained(folder / "model")
    z = space.pooled(space.encode(toy_texts(200)))
    save_head(RidgeHead().fit(z.numpy(), np.arange(200.0)), folder / "head", name="length", space=space.fingerprint)
    Direction(z[-1] - z[0], name="longer", space=space.fingerprint).save_pretrained(folder / "longer.safetensors")
    wish = ["--head", str(folder / "head"), "--maximize", "length", *LITTLE]
    model = ["--model", str(folder / "model")]
    verbs = {"encode": [], "optimize": wish, "apply": [str(folder / "longer.safetensors"), *LITTLE]}
    return {verb: [*given, *model] for verb, given in verbs.items()}, toy_texts


def bundled(data: Path) -> tuple[Options, Texts]:
    """The same, of the model that comes with the package."""
    titles = pd.read_parquet(data / "titles/train.parquet")["text"].sample(frac=1, random_state=0)
    verbs = {"encode": [], "optimize": ["--maximize", "likes", *LITTLE], "apply": ["positive"]}
    return verbs, lambda rows: titles[:rows].tolist()


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    for verb, rows in {"encode": [1_000, 10_000], "optimize": [10, 100], "apply": [10, 100]}.items():
        parser.add_argument(f"--{verb}", type=int, nargs="*", default=rows)
    parser.add_argument("--data", type=Path, help="folder of real texts, whose titles the bundled model is given")
    asked = vars(parser.parse_args())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options, texts = bundled(asked["data"]) if asked["data"] else toy(folder)
        for rows in {rows for verb in options for rows in asked[verb]}:
            pd.DataFrame({"text": texts(rows)}).to_csv(folder / f"{rows}.csv", index_label="id")
        found: dict[str, dict[int, dict[str, float]]] = {}
        for verb, given in options.items():
            found[verb] = {}
            for rows in asked[verb]:
                files = ["--input", str(folder / f"{rows}.csv"), "--output", str(folder / f"{verb}{rows}.parquet")]
                found[verb][rows] = measured([verb, *given, *files])
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()

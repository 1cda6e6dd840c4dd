"""Whether memory grows with the rows: peak memory and seconds of `encode` and `optimize` with `--output`. Prints JSON.

    python experiments/speed/memory.py --encode 1000 100000 --optimize 50 2000
    python experiments/speed/memory.py --data ../shared/data --encode 1000 100000 --optimize

The first takes made-up texts and the tests' tiny model, whose own memory is small beside what rows could take; the
second titles, and the model that comes with the package.
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

from latentopt.heads import save_head
from property_models import RidgeHead
from tests.toy import toy_space, toy_texts


def measured(arguments: list[str]) -> dict[str, float]:
    """Run a command; its peak memory and seconds."""
    begun = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "latentopt", *arguments], stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, arguments
    return {"peak_mb": round(usage.ru_maxrss / 1024, 1), "seconds": round(time.monotonic() - begun, 1)}


Texts = Callable[[int], list[str]]  # so many


def toy(folder: Path) -> tuple[list[str], list[str], Texts]:
    """Options that name the model, and what is wished for; texts."""
    space = toy_space()
    space.save_pretrained(folder / "model")
    z = space.pooled(space.encode(toy_texts(200))).numpy()
    save_head(RidgeHead().fit(z, np.arange(200.0)), folder / "head", name="length", space=space.fingerprint)
    return ["--model", str(folder / "model")], ["--head", str(folder / "head"), "--maximize", "length"], toy_texts


def bundled(data: Path) -> tuple[list[str], list[str], Texts]:
    """The same, of the model that comes with the package."""
    titles = pd.read_parquet(data / "titles/train.parquet")["text"].sample(frac=1, random_state=0)
    return [], ["--maximize", "likes"], lambda rows: titles[:rows].tolist()


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encode", type=int, nargs="*", default=[1_000, 10_000])
    parser.add_argument("--optimize", type=int, nargs="*", default=[10, 100])
    parser.add_argument("--data", type=Path, help="folder of real texts, whose titles the bundled model is given")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, head, texts = bundled(asked.data) if asked.data else toy(folder)
        found: dict[str, dict[int, dict[str, float]]] = {"encode": {}, "optimize": {}}
        for rows in sorted({*asked.encode, *asked.optimize}):
            pd.DataFrame({"text": texts(rows)}).to_csv(folder / f"{rows}.csv", index_label="id")
        for verb, sizes, more in (
            ("encode", asked.encode, []),
            ("optimize", asked.optimize, [*head, "--effort", "0.1"]),
        ):
            for rows in sizes:
                files = ["--input", str(folder / f"{rows}.csv"), "--output", str(folder / f"{verb}{rows}.parquet")]
                found[verb][rows] = measured([verb, *model, *more, *files])
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()

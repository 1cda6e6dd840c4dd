"""Whether memory grows with the rows: peak memory and rows a second of `encode` and `optimize` with `--output`.

Made-up texts and the tests' tiny model, whose own memory is small beside what rows could take. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

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


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encode", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--optimize", type=int, nargs="+", default=[10, 100])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, space = Path(name), toy_space()
        space.save_pretrained(folder / "model")
        z = space.pooled(space.encode(toy_texts(200))).numpy()
        head = RidgeHead().fit(z, np.arange(200.0))
        save_head(head, folder / "head", name="length", space=space.fingerprint)
        found: dict[str, dict[int, dict[str, float]]] = {"encode": {}, "optimize": {}}
        for rows in sorted({*asked.encode, *asked.optimize}):
            lines = "".join(f"{i},{text}\n" for i, text in enumerate(toy_texts(rows)))
            (folder / f"{rows}.csv").write_text(f"id,text\n{lines}")
        wish = ["--head", str(folder / "head"), "--maximize", "length", "--effort", "0.1"]
        for verb, sizes, more in (("encode", asked.encode, []), ("optimize", asked.optimize, wish)):
            for rows in sizes:
                files = ["--input", str(folder / f"{rows}.csv"), "--output", str(folder / f"{verb}{rows}.parquet")]
                found[verb][rows] = measured([verb, "--model", str(folder / "model"), *more, *files])
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()

"""What each part of the editor adds: optimizers, writers, guidance and the move, with the same number of texts written.

    python experiments/edits/run.py --data ../shared/data --judges ../shared/judges --weights ../judges-weights \
        --work runs/edits [--texts 200] [--row infill --row rewrite ...]

Sources are tweets of tweets/valid and tweets/valid_unseen_accounts, 30 to 110 characters; the wish is four times the
text's own predicted likes. `judge_edits.py` judges the best candidate of each. Edits are kept in --work, which is not
part of the repository, for their texts are not ours; results.json holds the figures. Rows that are there are not
edited again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from latentopt.editing import Effort, Infill, Rewrite, Target, TextEditor
from latentopt.editing.optimizers import OPTIMIZERS
from latentopt.heads import load_fitted
from latentopt.space import LatentSpace

HERE = Path(__file__).parent
TIMES = 4  # the own prediction
Row = Callable[[LatentSpace], dict[str, object]]


def moved_by(name: str) -> Row:
    return lambda space: {"optimizer": OPTIMIZERS[name](space.density.covariance)}


ROWS: dict[str, Row] = {
    "infill": lambda space: {},
    "no guidance": lambda space: {"writer": Infill(guidance=(0.0,))},
    "no move": moved_by("none"),
    "rewrite": lambda space: {"writer": Rewrite()},
    "rewrite, no move": lambda space: {"writer": Rewrite(), **moved_by("none")(space)},
    "no reader": lambda space: {"readers": {}},
    **{name: moved_by(name) for name in ("adam", "lbfgs", "langevin", "cma-es", "random")},
}


def sources(data: Path, count: int) -> list[str]:
    parts = []
    for name in ("valid", "valid_unseen_accounts"):
        texts = pd.read_parquet(data / "tweets" / f"{name}.parquet").text
        parts.append(texts[texts.str.len().between(30, 110)].sample(count // 2, random_state=0))
    return pd.concat(parts).tolist()


def edit(space: LatentSpace, texts: list[str], options: dict[str, object], file: Path) -> None:
    """Edit the texts, and keep the edits and the seconds in a file."""
    likes = load_fitted("likes", space)
    head, reader = likes.head, likes.reader
    own = head.to_value(head.forward(space.pooled(space.encode(texts))).detach())
    readers = {} if reader is None else {"likes": reader}
    given = {"readers": readers, "effort": Effort(), **options}
    start = time.perf_counter()
    editor = TextEditor(space, Target(head, TIMES * own), **given)  # type: ignore[arg-type]
    edits = editor.edit(texts, progress=lambda n: print(f"{file.stem}: {n} of {len(texts)}", file=sys.stderr))
    seconds = (time.perf_counter() - start) / len(texts)
    document = {"version": 2, "seconds": seconds, "edits": [e.to_json() for e in edits]}
    file.write_text(json.dumps(document, ensure_ascii=False))


def judged(file: Path, judges: Path, weights: Path, data: Path) -> dict[str, float]:
    """What the judges print, as figures, and what the editor itself says."""
    command = [sys.executable, str(judges / "judge_edits.py"), str(file), "--weights", str(weights)]
    command += ["--data", str(data), "--property", "likes", "--show", "0"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, float] = {}
    for name, value in re.findall(r"^(fluency|meaning|changed|marks|usable|joints|sound) .*?([-+]?[\d.]+)", said, re.M):
        found[name] = float(value)
    if match := re.search(r"usable and upward ([\d.]+)%", said):
        found["usable and upward"] = float(match.group(1))
    document = json.loads(file.read_text())
    gains = [
        np.log1p(e["candidates"][0]["realised"]["likes"]["value"]) - np.log1p(e["predicted"]["likes"]["value"])
        if e["candidates"]
        else 0.0
        for e in document["edits"]
    ]
    draws = np.random.default_rng(0).choice(gains, (2000, len(gains))).mean(1)
    shown = [bool(e["candidates"]) for e in document["edits"]]
    return found | {
        "texts": len(gains),
        "with a candidate": 100 * float(np.mean(shown)),
        "gain": float(np.mean(gains)),
        "gain from": float(np.quantile(draws, 0.025)),
        "gain to": float(np.quantile(draws, 0.975)),
        "seconds": float(document["seconds"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--data", "--judges", "--weights", "--work"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--model")
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--row", action="append", choices=ROWS, help="[default: all]")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    space = LatentSpace.from_pretrained(args.model)
    texts = sources(args.data, args.texts)
    results = HERE / "results.json"
    rows = json.loads(results.read_text()) if results.exists() else {}
    for name in args.row or ROWS:
        file = args.work / f"{name.replace(', ', '_').replace(' ', '_')}_{args.texts}.json"
        if not file.exists():
            edit(space, texts, ROWS[name](space), file)
        rows[name] = judged(file, args.judges, args.weights, args.data) | {"space": space.fingerprint}
        results.write_text(json.dumps(rows, indent=2) + "\n")
        print(name, rows[name])


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()

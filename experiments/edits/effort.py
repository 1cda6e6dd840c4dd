"""Where the effort of an edit goes: a few texts of several rounds, or many of one; with and without guidance.

    python experiments/edits/effort.py --data ../shared/data --judges ../shared/judges --weights ../judges-weights \
        --work runs/edits [--texts 48]

Tweets of the training file that the model has not been trained on, to four times their own predicted likes: what the
defaults of `Effort` and `Floors` were chosen by. What is kept in --work is not edited again. effort.json holds the
figures.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd
from run import GUIDED, judged, put_between
from tasks import likes_of

from latentopt.editing import Effort, Infill, TextEditor
from latentopt.space import LatentSpace

RESULTS = Path(__file__).parent / "effort.json"
BEGIN, END = "<!-- efforts: made by effort.py -->", "<!-- end of efforts -->"
HELD_OUT = 2000  # of the shuffled training file (experiments/bundled/corpus.py)
FIRST = 40  # of these, on which the floors were tried
WHOLE = Effort(rounds=1, tries=1, rows=96)
WAYS: dict[str, dict[str, Any]] = {
    "one round of 96": {"effort": WHOLE},
    "one round of 96, guided": {"effort": WHOLE, "writer": GUIDED},
    "one round of 96, two fills of the same spans": {"effort": WHOLE, "writer": Infill(fills=2)},
    "two rounds of 64": {"effort": Effort(rounds=2, tries=1, rows=64, scored=24)},
}


def held_out(data: Path, count: int) -> list[str]:
    """Tweets of 30 to 110 characters."""
    texts = pd.read_parquet(data / "tweets/train.parquet").sample(frac=1, random_state=0)["text"][:HELD_OUT]
    return texts[texts.str.len().between(30, 110)][FIRST : FIRST + count].tolist()


def write_table(results: dict[str, dict[str, Any]]) -> None:
    """The figures as a table, in README."""
    lines = ["| | usable | sound | joints unheard of | usable and upward | gain of log likes |", "|---" * 6 + "|"]
    for name, found in results.items():
        shares = [f"{found[what]:.0f}%" for what in ("usable", "sound", "joints", "usable and upward")]
        lines.append(f"| {name} | {' | '.join(shares)} | {found['gain']:.2f} |")
    put_between(BEGIN, END, lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--data", "--judges", "--weights", "--work"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--texts", type=int, default=48)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    space = LatentSpace.from_pretrained()
    task = likes_of(held_out(args.data, args.texts), space)
    results = {}
    for name, options in WAYS.items():
        file = args.work / f"{name.replace(' ', '_').replace(',', '')}_{args.texts}_{space.fingerprint}.json"
        if not file.exists():
            editor = TextEditor(space, task.goal, **options, **task.options)
            document = {"space": space.fingerprint, "edits": [edit.to_json() for edit in editor.edit(task.texts)]}
            file.write_text(json.dumps(document, ensure_ascii=False))
        results[name] = judged(file, "likes", args.judges, args.weights, args.data)
        print(name, results[name])
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
        write_table(results)


if __name__ == "__main__":
    main()

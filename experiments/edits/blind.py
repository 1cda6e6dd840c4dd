"""What became of edits by a change of the editor, by ratings that were given blind, as a table in README.

    python experiments/edits/blind.py

blind.jsonl holds, of texts of validation files: the change of the editor, the goal, which text (the beginning of its
SHA-256), and the ratings (0 to 2, as in ratings.jsonl) of the first candidates before and after the change; null where
there was none, which counts 0.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from acceptability import AS_IT_IS, NEARLY
from run import interval, put_between

BLIND = Path(__file__).parent / "blind.jsonl"
BEGIN, END = "<!-- blind: made by blind.py -->", "<!-- end of blind -->"


def main() -> None:
    """Count, and write the table."""
    heads = [
        "change",
        "goal",
        "texts",
        "good",
        "as it is",
        "rise of the mean rating",
        "of those shown now: good, as it is",
    ]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for (change, goal), given in pd.read_json(BLIND, lines=True).groupby(["change", "goal"], sort=False):
        of = given.fillna({"before": 0, "now": 0})
        shown = given["now"].dropna()
        cells = [
            " → ".join(f"{100 * (of[when] >= rating).mean():.0f}%" for when in ("before", "now"))
            for rating in (NEARLY, AS_IT_IS)
        ]
        rise = interval("rise", (of["now"] - of["before"]).tolist())
        said = f"{rise['rise']:.2f} ({rise['rise from']:.2f} to {rise['rise to']:.2f})"
        shares = ", ".join(f"{100 * (shown >= rating).mean():.0f}" for rating in (NEARLY, AS_IT_IS))
        lines.append(f"| {change} | {goal} | {len(of)} | {' | '.join(cells)} | {said} | {len(shown)}: {shares}% |")
    put_between(BEGIN, END, lines)


if __name__ == "__main__":
    main()

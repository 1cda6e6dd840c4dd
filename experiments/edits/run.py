"""Edits judged: optimizers, writers, guidance and the move, with the same number of texts written, and other goals.

    python experiments/edits/run.py --data ../shared/data --judges ../shared/judges --weights ../judges-weights \
        --work runs/edits [--texts 200] [--rows infill,rewrite] [--model DIR] [--edit-only | --judge-only]

`judge_edits.py` judges the best candidate of each text. Rows are done one after the other; a text that is kept in
--work, made with this model and number of texts, is not edited again, so that after a kill the same command goes on;
another editor needs a folder of its own. With --edit-only nothing is judged: another machine edits, and what it has
brought back is judged here, all or, with --judge-only, as much as there is. --work is no part of the repository, for
its texts are not ours; results.json holds the figures, and README's table is made of it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tasks import JUDGED, TASKS, fewer_swear_words

from latentopt.editing import Effort, Infill, Rewrite, TextEditor
from latentopt.editing.optimizers import OPTIMIZERS
from latentopt.editing.write import Writer
from latentopt.space import LatentSpace

HERE = Path(__file__).parent
PRINTED = re.compile(r"^(fluency|meaning|changed|marks|usable|joints|sound) .*?([-+]?[\d.]+)", re.M)
MORE = {
    "usable and upward": r"usable and upward ([\d.]+)%",
    "bag of words upward": r"upward in (\d+)%",
    "VADER more positive": r"VADER finds (\d+)%",
}
BEGIN, END = "<!-- rows: made by run.py -->", "<!-- end of rows -->"


@dataclass(frozen=True)
class Row:
    """One way to edit. options: of the editor, beside the task's."""

    options: Callable[[LatentSpace], dict[str, Any]] = lambda space: {}
    task: str = "likes"


def moved_by(name: str) -> Callable[[LatentSpace], dict[str, Any]]:
    return lambda space: {"optimizer": OPTIMIZERS[name](space.density.covariance)}


def written_by(writer: Writer) -> Callable[[LatentSpace], dict[str, Any]]:
    return lambda space: {"writer": writer}


GUIDED = Infill(guidance=(0.5, 1.0, 1.5))  # each row of a round by one of these strengths
THIRD = Effort().scaled(0.3)
ROWS: dict[str, Row] = {
    "infill": Row(),
    "guided": Row(written_by(GUIDED)),
    "no move": Row(moved_by("none")),
    "rewrite": Row(written_by(Rewrite())),
    "rewrite without a move": Row(lambda space: {"writer": Rewrite(), **moved_by("none")(space)}),
    "no reader": Row(lambda space: {"readers": {}}),
    **{name: Row(moved_by(name)) for name in ("adam", "lbfgs", "langevin", "cma-es", "random")},
    "sentiment=positive": Row(task="sentiment"),
    "sentiment=positive without a move": Row(moved_by("none"), task="sentiment"),
    "sentiment=positive without words": Row(written_by(Infill()), task="sentiment"),
    "sentiment=positive without words or a move": Row(
        lambda space: {"writer": Infill(), **moved_by("none")(space)}, task="sentiment"
    ),
    "apply civil": Row(task="civil"),
    "apply civil at a third of the effort": Row(lambda space: {"effort": THIRD}, task="civil"),
}
GAINED: dict[str, tuple[str, Callable[[float], float]]] = {  # by task: of which column, and how it is counted
    "likes": ("likes", math.log1p),
    "sentiment": ("sentiment=positive", float),
}
# Rows without a move, and those with one that they are compared with, text by text.
MOVED = {
    "no move": "infill",
    "sentiment=positive without a move": "sentiment=positive",
    "sentiment=positive without words or a move": "sentiment=positive without words",
}
SAID = {  # of the judges, by what stood before this editor, and of people
    "latentopt 0.1": {
        "usable": 5,
        "sound": 2,
        "joints": 88,
        "fluency": 2.5,
        "meaning": 0.42,
        "changed": 41,
        "texts": 60,
    },
    "people's civil rewrites": {"usable": 55, "sound": 33, "joints": 33, "changed": 32, "texts": 120},
}


def edit(space: LatentSpace, row: Row, data: Path, count: int, file: Path) -> None:
    """Edit those texts of a row that are not in its file, one a line."""
    task = TASKS[row.task](space, data, count)
    known = len(file.read_text().splitlines()) if file.exists() else 0
    editor = TextEditor(space, task.goal, **{**task.options, **row.options(space)})
    with file.open("a") as out:
        for i in range(known, count):
            editor.set_params(goal=task.goal.take(torch.tensor([i])))
            start = time.perf_counter()
            (found,) = editor.edit([task.texts[i]])
            line = found.to_json() | {"seconds": time.perf_counter() - start, "device": space.model.device.type}
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
            out.flush()
            print(f"\r{i + 1} of {count}", end="", file=sys.stderr)


def document(file: Path, space: str) -> Path:
    """The edits of a row as the judges read them."""
    edits = [json.loads(line) for line in file.read_text().splitlines()]
    seconds = float(np.median([edit["seconds"] for edit in edits]))
    made = file.with_suffix(".json")
    made.write_text(
        json.dumps(
            {"version": 2, "space": space, "seconds": seconds, "device": edits[0]["device"], "edits": edits},
            ensure_ascii=False,
        )
    )
    return made


def judged(file: Path, task: str, judges: Path, weights: Path, data: Path) -> dict[str, Any]:
    """What the judges print, as figures, and what the editor itself says."""
    command = [sys.executable, str(judges / "judge_edits.py"), str(file), "--weights", str(weights), "--show", "0"]
    done = subprocess.run([*command, "--data", str(data), *JUDGED[task]], capture_output=True, text=True, check=True)
    found: dict[str, Any] = {name: float(value) for name, value in PRINTED.findall(done.stdout)}
    found |= {name: float(m.group(1)) for name, pattern in MORE.items() if (m := re.search(pattern, done.stdout))}
    document = json.loads(file.read_text())
    edits = document["edits"]
    if task == "civil":
        found["fewer words of abuse"] = fewer_swear_words(edits)
    if task in GAINED:
        found |= interval("gain", list(gains(edits, task).values()))
    shown = [bool(edit["candidates"]) for edit in edits]
    found |= {"texts": len(edits), "with a candidate": 100 * float(np.mean(shown))}
    return found | {name: document[name] for name in ("seconds", "space", "device") if name in document}


def gains(edits: list[dict[str, Any]], task: str) -> dict[str, float]:
    """By how much the realised value of the best candidate rises, by source; not at all where there is none."""
    column, scale = GAINED[task]

    def gained(edit: dict[str, Any]) -> float:
        if not edit["candidates"]:
            return 0.0
        now, before = edit["candidates"][0]["realised"], edit["predicted"]
        return scale(now[column]["value"]) - scale(before[column]["value"])

    return {edit["source"]: gained(edit) for edit in edits}


def interval(name: str, values: list[float]) -> dict[str, float]:
    """The mean of values and its bootstrap interval of 95%, as three figures."""
    draws = np.random.default_rng(0).choice(values, (2000, len(values))).mean(1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return {name: float(np.mean(values)), f"{name} from": float(low), f"{name} to": float(high)}


def against(file: Path, other: Path, task: str) -> dict[str, float]:
    """By how much the best candidates of a row gain more than those of another, on the sources that both have."""
    ours, theirs = (gains(json.loads(each.read_text())["edits"], task) for each in (file, other))
    common = [source for source in ours if source in theirs]
    return {**interval("more than without a move", [ours[s] - theirs[s] for s in common]), "of texts": len(common)}


def write_table(rows: dict[str, dict[str, Any]]) -> None:
    """The rows as a table, in README."""

    def cell(row: dict[str, Any], name: str, form: str = "{:.0f}%") -> str:
        return form.format(row[name]) if name in row else ""

    heads = [
        "texts",
        "usable",
        "sound",
        "joints unheard of",
        "meaning",
        "changed",
        "gain",
        "seconds a text (median)",
    ]
    lines = [f"| | {' | '.join(heads)} | more |", "|---" * (len(heads) + 2) + "|"]
    for name, row in {**SAID, **{name: rows[name] for name in ROWS if name in rows}}.items():
        risen = f"{row['gain']:.2f} ({row['gain from']:.2f} to {row['gain to']:.2f})" if "gain" in row else ""
        more = [f"{what} {row[what]:.0f}%" for what in (*MORE, "fewer words of abuse") if what in row]
        cells = [cell(row, what) for what in ("usable", "sound", "joints")]
        cells += [cell(row, "meaning", "{:.2f}"), cell(row, "changed"), risen, cell(row, "seconds", "{:.1f}")]
        lines.append(f"| {name} | {row['texts']} | {' | '.join(cells)} | {', '.join(more)} |")
    put_between(BEGIN, END, lines)


def put_between(begin: str, end: str, lines: list[str]) -> None:
    """Put the lines of a table between two marks in README."""
    readme = HERE / "README.md"
    before, _, rest = readme.read_text().partition(begin)
    readme.write_text("\n".join([before + begin, "", *lines, "", end]) + rest.partition(end)[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--data", "--work"):
        parser.add_argument(name, type=Path, required=True)
    for name in ("--judges", "--weights"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--model")
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--rows", help=f"some of {', '.join(ROWS)}, commas between them [default: all]")
    parser.add_argument("--edit-only", action="store_true", help="judge later")
    parser.add_argument("--judge-only", action="store_true", help="judge what is there of the rows, and edit no more")
    args = parser.parse_args()
    wanted = [name.strip() for name in args.rows.split(",")] if args.rows else list(ROWS)
    if unknown := [name for name in wanted if name not in ROWS]:
        parser.error(f"--rows {unknown[0]}: there is no such row; known: {', '.join(ROWS)}")
    if not args.edit_only and not (args.judges and args.weights):
        parser.error("--judges and --weights are needed to judge; or give --edit-only")
    args.work.mkdir(parents=True, exist_ok=True)
    space = LatentSpace.from_pretrained(args.model)
    results = HERE / "results.json"

    def kept(name: str, texts: int | str, ending: str) -> Path:
        return args.work / f"{re.sub(r'[^a-z-]+', '_', name)}_{texts}_{space.fingerprint}.{ending}"

    for name in wanted:
        edits = kept(name, args.texts, "jsonl")
        if not args.judge_only:
            edit(space, ROWS[name], args.data, args.texts, edits)
        if args.edit_only:
            continue
        file = document(edits, space.fingerprint)
        row = judged(file, ROWS[name].task, args.judges, args.weights, args.data)
        if name in MOVED and (moved := kept(MOVED[name], args.texts, "json")).exists():
            row |= against(moved, file, ROWS[name].task)
        rows = {**(json.loads(results.read_text()) if results.exists() else {}), name: row}
        results.write_text(json.dumps(rows, indent=2) + "\n")
        write_table(rows)
        print(name, row)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()

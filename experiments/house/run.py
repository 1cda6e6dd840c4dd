"""How the house is built: files and lines by room, and the way that a command goes through the rooms.

    python experiments/house/run.py            # writes results.json beside this file
    python experiments/house/run.py --code ../latentopt-0.1 --before     # the same of another checkout, printed

The walk runs the commands on the bundled model, with little effort, under Python's profiler.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import statistics
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
PACKAGES = ("latentopt", "property_models")
COMMANDS = {
    "optimize": ["--target", "likes=1000", "happy to be home after a long week on the road"],
    "direction": ["--pairs", str(EXAMPLES / "tone_pairs.csv"), "--name", "polite", "--permutations", "20"],
    "train": [
        str(EXAMPLES / "posts.csv"),
        *("--output", "model", "--latent-dim", "16", "--d-model", "32", "--layers", "1"),
        *("--vocab-size", "300", "--max-steps", "2", "--eval-steps", "2", "--batch-size", "8"),
    ],
}
LITTLE = {"optimize": ["--effort", "0.1"], "direction": ["--calibrate", "1", "--effort", "0.1"], "train": []}
CAME_TO_LIE_IN = {
    "latentopt/model": "model bottleneck decoding tokenization",
    "latentopt/space": "space inversion density ngrams",
    "latentopt/heads": "heads fitting",
    "latentopt/editing": "objectives edits optimize optimizers",
    "latentopt/tables": "tables formats files",
    "latentopt/training": "training corruption regularizers muon",
    "latentopt/evaluation": "plots",
}
NEW = {"optimize": [], "direction": [], "train": ["--pooled-dim", "8"]}  # options that 0.1 had not


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--code", type=Path, default=HERE.parents[1], help="the checkout that is measured")
    parser.add_argument("--before", action="store_true", help="of version 0.1: print, and record nothing")
    parser.add_argument("--walk", choices=[*COMMANDS], help=argparse.SUPPRESS)  # in a process of its own
    options = parser.parse_args()
    code = options.code.resolve()
    if options.walk:
        print(json.dumps(walk(options.walk, code, before=options.before)))
        return
    found = {"size": size(code), "walks": {verb: _walked(verb, code, before=options.before) for verb in COMMANDS}}
    print(json.dumps(found, indent=2))
    if not options.before:
        (HERE / "results.json").write_text(json.dumps(found, indent=2) + "\n")


def size(code: Path) -> dict[str, Any]:
    """Files and lines of the packages, by room and over all."""
    lines = {
        file.relative_to(code): len(file.read_text(encoding="utf-8").splitlines())
        for package in PACKAGES
        for file in sorted((code / package).rglob("*.py"))
    }
    rooms: dict[str, list[int]] = {}
    for file, count in lines.items():
        rooms.setdefault("/".join(file.parts[:-1][:2]), []).append(count)
    largest = max(lines, key=lambda file: lines[file])
    return {
        "files": len(lines),
        "lines": sum(lines.values()),
        "median": statistics.median(lines.values()),
        "largest": {"file": str(largest), "lines": lines[largest]},
        "rooms": {room: {"files": len(counts), "lines": sum(counts)} for room, counts in rooms.items()},
    }


def _walked(verb: str, code: Path, *, before: bool) -> dict[str, Any]:
    command = [sys.executable, __file__, "--walk", verb, "--code", str(code), *(["--before"] if before else [])]
    environment = {**os.environ, "PYTHONPATH": str(code)}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def walk(verb: str, code: Path, *, before: bool) -> dict[str, Any]:
    """Run a command, and follow its calls from file to file, as a reader does who opens each when it is first called.

    Returns:
        files: how many are opened. rooms: where they lie, in that order. alternations: how often they lie in a room
        where one was opened before. returns: those that are opened in a room that had been left, as no call of it was
        at work any more. upward: calls into a room that is still at work further up, from another one.
    """
    roots = tuple(str(code / package) for package in PACKAGES)
    files: dict[str, None] = {}  # in order
    returns: list[str] = []
    upward: set[str] = set()
    seen = set()

    def file_of(frame: Any) -> str | None:
        name = frame.f_code.co_filename
        is_function = frame.f_code.co_flags & inspect.CO_OPTIMIZED  # and no module or class that is being made
        if not is_function or not name.startswith(roots):
            return None
        file = str(Path(name).relative_to(code))
        return None if file == "latentopt/__init__.py" else file  # which is no room: it loads names of others

    def called(frame: Any, event: str, _: object) -> None:
        if event != "call" or frame.f_code in seen or (here := file_of(frame)) is None:
            return
        seen.add(frame.f_code)
        above = []
        while (frame := frame.f_back) is not None:
            if (there := file_of(frame)) is not None:
                above.append(there)
        rooms, opened = list(map(_room, above)), list(map(_room, files))
        if here not in files and _room(here) in opened[:-1] and _room(here) not in [*rooms, opened[-1]]:
            returns.append(f"{above[0]} -> {here}" if above else here)
        files[here] = None
        if rooms and rooms[0] != _room(here) and _room(here) in rooms:
            upward.add(f"{above[0]} -> {here}")

    from latentopt.cli import main as latentopt

    arguments = [verb, *COMMANDS[verb], *([] if before else [*LITTLE[verb], *NEW[verb]])]
    said, sys.stdout = sys.stdout, sys.stderr
    sys.setprofile(called)
    try:
        latentopt(arguments, standalone_mode=False)
    finally:
        sys.setprofile(None)
        sys.stdout = said
    rooms = [room for room, _ in groupby(map(_room, files))]
    names = " ".join(room.removeprefix("latentopt/") for room in rooms)
    return {
        "files": len(files),
        "rooms": names,
        "alternations": len(rooms) - len(set(rooms)),
        "returns": returns,
        "upward": sorted(upward),
    }


def _room(file: str) -> str:
    """The folder of a file; of one of 0.1, where all lay side by side, the folder that it came to lie in."""
    package, name, *_ = Path(file).with_suffix("").parts
    if package == "property_models":
        return package
    return next((room for room, names in CAME_TO_LIE_IN.items() if name in names.split()), f"{package}/{name}")


if __name__ == "__main__":
    main()

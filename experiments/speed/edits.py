"""What an edit costs, and its parts, beside another version of the code on the same machine and in the same run.

    python experiments/speed/edits.py [--before CHECKOUT] [--texts FILE] [--rounds 1]

FILE has one text a line (default: made-up ones, 30 to 110 characters). Both versions edit the same texts towards four
times the likes that are predicted of each, in processes of their own, turn by turn. Printed, and kept in edits.json:
seconds of the cold command `latentopt optimize` on the first text, and of nothing but the imports of what it stands on;
those until a cold process has a first candidate, by parts; seconds a further text, by parts; what share of the rate of
matrix products, measured in the same process, each part uses; how many times as fast; and for how many texts the best
candidate is the same.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PARTS = ("encode", "fill", "surprise")  # methods of a space that are timed
LIBRARIES = "import click, pandas, sklearn.pipeline, torch; from transformers import UMT5ForConditionalGeneration"
TEXTS = [
    "thank you to everyone who came out tonight",
    "so excited to see all of you at the big show on friday",
    "i can not wait for the weekend, who is with me?",
    "the new album is finally out and we could not be happier, listen to it in our bio today",
    "why does it always rain on the one day i forget my umbrella at home",
    "our team has worked on this for two years, and today you can finally see it",
]


def probe(texts: list[str]) -> dict[str, Any]:
    """Run in a process of its own: seconds by part of a cold start, and of each text."""
    start = time.perf_counter()
    laps: dict[str, float] = {}

    def lap(name: str) -> None:
        nonlocal start
        laps[name] = time.perf_counter() - start
        start = time.perf_counter()

    import torch

    lap("import torch")
    from latentopt.space import LatentSpace

    lap("import the space")
    space = LatentSpace.from_pretrained()
    lap("load the model")
    from latentopt.editing import Target, TextEditor
    from latentopt.heads import load_fitted

    likes = load_fitted("likes", space)
    head, reader = likes.head, likes.reader
    assert reader is not None
    lap("heads, and the space's fingerprint")
    own = head.to_value(head.forward(space.pooled(space.encode(texts))).detach())
    lap("predict")
    parts: dict[str, float] = {}
    for name in PARTS:
        _time(LatentSpace, name, parts)
    editor = TextEditor(space, Target(head, 4 * own[:1]), readers={"likes": reader})
    rounds = editor.rounds(texts[0])
    next(rounds)
    lap("first round of the first text")
    list(rounds)
    lap("its other rounds")
    edits, each = [], []
    for i, text in enumerate(texts):
        parts.clear()
        begun = time.perf_counter()
        editor = TextEditor(space, Target(head, 4 * own[i : i + 1]), readers={"likes": reader})
        edits += [edit.text for edit in editor.edit([text])]
        each.append({"all": time.perf_counter() - begun, **parts})
    from machine import Products, matmul_rate

    counted: dict[str, float] = {}
    for name in PARTS:
        _count(LatentSpace, name, counted)
    with Products() as products:
        editor.edit(texts[-1:])
    counted["all"] = products.flop
    rate = matmul_rate()
    shares = {name: flop / each[-1][name] / rate for name, flop in counted.items()}
    machine = {"gflop_per_second": rate / 1e9, "share_of_machine": shares}
    return {"cold": laps, "each": each, "edits": edits, "threads": torch.get_num_threads(), **machine}


def _time(owner: type, name: str, parts: dict[str, float]) -> None:
    """Add up the seconds that a method takes."""
    method = vars(owner)[name]

    def timed(*given: Any, **named: Any) -> Any:
        begun = time.perf_counter()
        made = method(*given, **named)
        parts[name] = parts.get(name, 0.0) + time.perf_counter() - begun
        return made

    setattr(owner, name, timed)


def _count(owner: type, name: str, counted: dict[str, float]) -> None:
    """Add up the FLOP of the matrix products of a method."""
    from machine import Products

    method = vars(owner)[name]

    def counting(*given: Any, **named: Any) -> Any:
        with Products() as products:
            made = method(*given, **named)
        counted[name] = counted.get(name, 0.0) + products.flop
        return made

    setattr(owner, name, counting)


def run(checkout: Path, texts: list[str]) -> dict[str, Any]:
    """What `probe` finds with the code of a checkout."""
    command = [sys.executable, str(Path(__file__).resolve()), "--probe"]
    environment = {**os.environ, "PYTHONPATH": str(checkout.resolve()), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        command, input=json.dumps(texts), env=environment, capture_output=True, text=True, check=True, cwd=checkout
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    optimize = ["-m", "latentopt", "optimize", "--target", "likes=1000", texts[0]]
    for name, words in {"command": optimize, "libraries alone": ["-c", LIBRARIES]}.items():
        begun = time.perf_counter()
        subprocess.run([sys.executable, *words], env=environment, capture_output=True, check=True, cwd=checkout)
        found[name] = time.perf_counter() - begun
    return found


def summed(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The best of some runs, which other work on the machine disturbed least."""
    cold = {name: min(one["cold"][name] for one in found) for name in found[0]["cold"]}
    first = sum(cold.values()) - cold["its other rounds"]
    names = ("all", *PARTS)
    each = {n: sum(min(one["each"][i][n] for one in found) for i in range(1, len(found[0]["each"]))) for n in names}
    texts = max(1, len(found[0]["each"]) - 1)
    return {
        "command": round(min(one["command"] for one in found), 2),
        "libraries alone": round(min(one["libraries alone"] for one in found), 2),
        "first candidate": round(first, 2),
        "cold": {name: round(s, 2) for name, s in cold.items()},
        "a further text": {name: round(s / texts, 2) for name, s in each.items()},
        "machine's GFLOP a second": round(max(one["gflop_per_second"] for one in found), 1),
        "share of these": {n: round(max(one["share_of_machine"][n] for one in found), 2) for n in names},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="a checkout of another version")
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--rounds", type=int, default=1, help="turns; of each part the best counts")
    parser.add_argument("--probe", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.probe:
        print(json.dumps(probe(json.load(sys.stdin))))
        return
    texts = TEXTS if args.texts is None else args.texts.read_text().splitlines()
    places = {"now": HERE.parent.parent} | ({} if args.before is None else {"before": args.before})
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in places}
    for _ in range(args.rounds):
        for name, place in places.items():
            found[name].append(run(place, texts))
    results: dict[str, Any] = {"texts": len(texts), "threads": found["now"][0]["threads"]}
    results |= {name: summed(runs) for name, runs in found.items()}
    if "before" in found:
        now, before = results["now"], results["before"]
        ratios = {part: round(before[part] / now[part], 2) for part in ("command", "first candidate")}
        ratios["a further text"] = round(before["a further text"]["all"] / now["a further text"]["all"], 2)
        results["times as fast"] = ratios
        same = [a == b for a, b in zip(found["now"][0]["edits"], found["before"][0]["edits"], strict=True)]
        results["same best candidate"] = f"{sum(same)} of {len(same)}"
    (HERE / "edits.json").write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()

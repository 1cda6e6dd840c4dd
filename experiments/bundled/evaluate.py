"""Measure a model as its users meet it: do texts survive, do edits reach their targets, what does it cost?

Measures on validation files, on which nothing was tuned. Prints no text of the data and keeps none.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from latentopt import LatentSpace, TextEditor
from latentopt.editing.objectives import Target
from latentopt.evaluation import Evaluation, reconstruction
from latentopt.evaluation import evaluate as measure
from latentopt.evaluation.plots import interpolation_table, latent_map, reconstruction_by_length
from latentopt.evaluation.report import inversion
from latentopt.heads import load_head

ROWS, MOST_TOKENS = 200, 32
INVERTED = 500  # texts of each file
LONGEST = 48
FACTORS = (4.0, 0.25)
MEASURE = """
import resource, subprocess, sys, time
started = time.perf_counter()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
RELATIVE = 0.25  # a realised count within a quarter of its target counts as reached


def evaluate(data: Path, model: str | None, *, seed: int, figures: Path | None = None) -> dict[str, Any]:
    """All figures of the bundled model; with a folder also drawn."""
    started = time.perf_counter()
    space = LatentSpace.from_pretrained(model)
    frame = pd.read_parquet(data / "tweets/valid.parquet")
    texts = frame["text"].tolist()
    short = [t for t, n in zip(texts, space.lengths(texts), strict=True) if n <= MOST_TOKENS]
    decoded = space.decode(space.encode(short[:ROWS]))
    results: dict[str, Any] = {
        "data": "tweets/valid.parquet, tweets/valid_unseen_accounts.parquet; n-grams of tweets/train.parquet",
        "seed": seed,
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}",
        "space": space.fingerprint,
        f"reconstruction_first_{ROWS}_to_{MOST_TOKENS}_tokens": rounded(reconstruction(short[:ROWS], decoded)),
    }
    known = pd.read_parquet(data / "tweets/train.parquet", columns=["text"])["text"].tolist()
    for file in ("valid", "valid_unseen_accounts"):
        rows = pd.read_parquet(data / f"tweets/{file}.parquet")
        rows = rows[[n <= LONGEST for n in space.lengths(rows["text"].tolist())]]
        found = measure(space, rows["text"].tolist(), reference=known, seed=seed)
        del found.report["latent"]["dimensions"]
        drawn = rows["text"].sample(INVERTED, random_state=seed).tolist()
        found.report["inversion"] = {"texts": INVERTED} | inversion(space, drawn, batch_size=64, seed=seed)
        results[f"{file}_to_{LONGEST}_tokens"] = rounded(found.report)
        if figures is not None and file == "valid":
            draw(found, rows["likes"].tolist(), figures)
    results["targets"] = {f"{factor:g} times": targets(space, short[:ROWS], factor, seed=seed) for factor in FACTORS}
    results["seconds"] = round(time.perf_counter() - started)
    results["cost"] = {"help_seconds": help_seconds(), "optimize": [cost(texts[:n], model) for n in (1, 100)]}
    return results


def draw(found: Evaluation, likes: list[float], folder: Path) -> None:
    """The map and the lengths; interpolations would print the tweets that they lie between."""
    folder.mkdir(exist_ok=True)
    latent_map(found.z, likes, label="likes").savefig(folder / "latent_map.png", dpi=130)
    by_length = found.report["reconstruction"]["by_length"]
    reconstruction_by_length(by_length).savefig(folder / "reconstruction_by_length.png", dpi=130)
    ends = [("see you tomorrow", "what a game last night"), ("thank you so much", "I hate waiting for the bus")]
    paths = LatentSpace.from_pretrained().interpolate(*(list(side) for side in zip(*ends, strict=True)))
    interpolation_table(paths).savefig(folder / "interpolation.png", dpi=130)


def targets(space: LatentSpace, texts: list[str], factor: float, *, seed: int) -> dict[str, float]:
    """Share of texts whose best candidate has realised likes within a quarter of `factor` times the text's own."""
    likes = load_head("likes", space)
    own = torch.tensor(likes.predict(space.pooled(space.encode(texts)).numpy()))
    wished = (factor * own).tolist()
    edits = TextEditor(space, Target(likes, wished), seed=seed).edit(texts)
    best = [edit.candidates[0] if edit.candidates and edit.status != "none_better" else None for edit in edits]
    hits = [
        c is not None and abs(c.realised["likes"].value - wish) <= RELATIVE * wish
        for c, wish in zip(best, wished, strict=True)
    ]
    kept = [c for c in best if c is not None]
    n = len(texts)
    return rounded(
        {
            "within_25_percent": sum(hits) / n,
            "chrf_to_source": 100 * sum(c.similarity for c in kept) / max(1, len(kept)),
            "typicality": sum(c.typicality for c in kept) / max(1, len(kept)),
            "none_better": sum(edit.status == "none_better" for edit in edits) / n,
        }
    )


def help_seconds() -> float:
    """Median seconds of `latentopt --help` over five runs."""
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "latentopt", "--help"], stdout=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - started)
    return round(sorted(seconds)[2], 3)


def cost(texts: list[str], model: str | None) -> dict[str, float]:
    """Seconds and peak memory of the command, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.parquet"
        pd.DataFrame({"text": texts}).to_parquet(file)
        command = [
            sys.executable,
            "-m",
            "latentopt",
            "optimize",
            "--target",
            "likes=1000",
            "--json",
            "--input",
            str(file),
        ]
        command += ["--model", model] if model else []
        # A child begins with the memory of its parent on its record: a small process starts and measures it.
        done = subprocess.run([sys.executable, "-c", MEASURE, *command], capture_output=True, text=True, check=True)
    seconds, kilobytes = done.stdout.split()
    return {"texts": len(texts), "seconds": round(float(seconds), 1), "peak_memory_mb": round(int(kilobytes) / 1024)}


def rounded(value: Any) -> Any:
    """Plain data with four digits after the point."""
    if isinstance(value, dict):
        return {name: rounded(v) for name, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder ../shared/data")
    parser.add_argument("--model", help="directory of a model; default: the bundled one")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(json.dumps(evaluate(options.data, options.model, seed=options.seed), indent=2))

"""Do pairs of texts agree on a direction, do edits follow it, and how many pairs does it take?

Mines a direction from the train file of each corpus of pairs and measures it on the valid file. The edits are printed
and not saved: no text of the corpora may enter the repository.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import pandas
import torch

from latentopt import LatentSpace
from latentopt.directions import MINERS, Examples, Mining, learning_curve, mine, source_ids

COUNTS = (10, 30, 100, 300)
REPEATS = 5


def main() -> None:
    """Measure each corpus, print its edits, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder ../shared/data")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results.json")
    parser.add_argument("--model", help="directory of a model; default: the bundled one")
    parser.add_argument("--pairs", nargs="+", default=["civil", "shakespeare"], help="folders in DATA/pairs")
    parser.add_argument("--permutations", type=int, default=1000)
    parser.add_argument("--limit", type=int, help="use this many train pairs, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    space = LatentSpace.from_pretrained(options.model)
    results: dict[str, Any] = {
        "data": "pairs/{" + ",".join(options.pairs) + "}/{train,valid}.csv",
        "model": options.model or "bundled",
        "space": space.fingerprint,
        "seed": options.seed,
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
        + (f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""),
        "pairs": {},
    }
    for name in options.pairs:
        started = time.perf_counter()
        train, valid = read(options.data / "pairs" / name, limit=options.limit, seed=options.seed)
        both = pandas.concat([train, valid])
        fold = torch.tensor([-1] * len(train) + [0] * len(valid))
        found = mine(
            space,
            both["source"].tolist(),
            both["target"].tolist(),
            name=name,
            fold=fold,
            permutations=options.permutations,
            seed=options.seed,
        )
        show(found)
        results["pairs"][name] = {
            "train_pairs": len(train),
            "valid_pairs": len(valid),
            "consistency": found.consistency.to_json(),
            "strength": found.calibration.strength,
            "strengths": found.calibration.to_json(),
            "cosine_by_pairs": few_pairs(space, train, valid, seed=options.seed),
            "seconds": round(time.perf_counter() - started, 1),
        }
        options.output.write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


def read(folder: Path, *, limit: int | None, seed: int) -> tuple[pandas.DataFrame, pandas.DataFrame]:
    """Return train and valid pairs; train pairs with a source of valid are left out."""
    train, valid = (
        pandas.read_csv(folder / f"{part}.csv", usecols=["source", "target"], dtype=str, keep_default_na=False)
        for part in ("train", "valid")
    )
    ids = source_ids([*train["source"], *valid["source"]])
    train = train[~torch.isin(ids[: len(train)], ids[len(train) :]).numpy()]
    if limit is not None and limit < len(train):
        train = train.sample(limit, random_state=seed)
    return train, valid


def show(found: Mining) -> None:
    """Print what was found, with the held-out edits."""
    print(f"\n{found.direction.name}: {found.consistency}")
    for row in found.calibration.rows:
        print(f"  {row}")
    for example in found.examples:
        print(f"\n  source  {example.source}\n  edited  {example.edited}\n  target  {example.target}")


def few_pairs(
    space: LatentSpace, train: pandas.DataFrame, valid: pandas.DataFrame, *, seed: int
) -> dict[str, dict[int, float]]:
    """Mean cosine between a direction from n train pairs and the mean difference of all valid pairs, by miner and n."""
    train = train.sample(min(len(train), 1000), random_state=seed)
    examples, held = (examples_of(space, pairs) for pairs in (train, valid))
    return {
        name: {
            row.examples: round(row.cosine, 4)
            for row in learning_curve(examples, held, miner(space), counts=COUNTS, repeats=REPEATS, seed=seed)
        }
        for name, miner in MINERS.items()
    }


def examples_of(space: LatentSpace, pairs: pandas.DataFrame) -> Examples:
    """Pooled latents of pairs."""
    sides = (space.pooled(space.encode(pairs[side].tolist())) for side in ("source", "target"))
    return Examples(*sides, source_ids(pairs["source"].tolist()), space.fingerprint)


if __name__ == "__main__":
    main()

"""Likes heads fitted otherwise, with noise or to texts that the model wrote: what each keeps of its promise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from realised import other_reader

from latentopt.heads import Reader
from latentopt.space import LatentSpace
from property_models import RidgeHead

ROWS, WRITTEN, MEASURED, MOVED = 6000, 1500, 2000, 128  # encoded, written anew, of which R² is, moved
NOISES = (0.0, 0.25, 0.5, 1.0)
USUAL = 0.5  # the noise that `fit` takes
PROMISE = float(np.log(4))  # of score: about four times the likes
LENGTH = 4.0  # a quarter of a latent's
DRAWS = 2000
Array = NDArray[np.float64]


def refitted(space: LatentSpace, data: Path, *, seed: int) -> dict[str, Any]:
    """By head: R² within accounts of `tweets/valid`, and what moves up its own gradient come to (see `_came_of`).

    Moves are of `one_promise`, or of `one_length` whatever they promise. A moved latent is decoded alone, greedily, and
    what was written encoded again.
    """
    train, valid = (
        pd.read_parquet(data / f"tweets/{file}.parquet").sample(rows, random_state=seed)
        for file, rows in (("train", ROWS), ("valid", MEASURED))
    )
    z, z_valid = (space.encode(frame["text"].tolist()) for frame in (train, valid))
    written = space.decode(z[:WRITTEN])
    few = np.array([i for i, text in enumerate(written) if text.strip()])
    x, again = (_pooled(space, part) for part in (z, space.encode([written[i] for i in few])))
    heads = {f"noise {noise:g}": _fitted(x, train, np.arange(ROWS), noise=noise) for noise in NOISES}
    heads |= {
        "fewer rows": _fitted(x[few], train, few),
        "fewer rows, written anew": _fitted(again, train, few),
        "fewer rows, both": _fitted(np.concatenate([x[few], again]), train, np.concatenate([few, few])),
    }
    start = z_valid[:MOVED]
    unmoved = space.decode(start)
    reader = other_reader(data, valid["text"].tolist()[:MOVED])
    found: dict[str, Any] = {}
    for name, head in heads.items():
        slope = _slope(space, head, start)
        steep = slope.norm(dim=1, keepdim=True)
        moves = {"one_promise": PROMISE * slope / steep**2, "one_length": LENGTH * slope / steep}
        found[name] = {"r2": _r2_within(head.outputs(_pooled(space, z_valid))[:, 0], valid)} | {
            kind: {"length": float(move.norm(dim=1).mean())}
            | _came_of(space, head, reader, (move * slope).sum(1).numpy(), unmoved, space.decode(start + move), seed)
            for kind, move in moves.items()
        }
    sizes = {"rows": ROWS, "fewer_rows": len(few), "texts": MEASURED, "moved": MOVED}
    return sizes | {"heads": found}


def _fitted(x: Array, frame: pd.DataFrame, rows: NDArray[np.intp], *, noise: float = USUAL) -> RidgeHead:
    """A head as `fit` makes it, of latents (n, m) whose likes and accounts stand in n rows of the frame."""
    values = frame["likes"].to_numpy(dtype=float)[rows]
    accounts = frame["account"].astype(str).to_numpy(dtype=object)[rows]
    return RidgeHead(noise=noise, scale="log1p").fit(x, values, groups=accounts)


def _slope(space: LatentSpace, head: RidgeHead, z: torch.Tensor) -> torch.Tensor:
    """The head's gradient (n, d) at latents (n, d): of a linear head the same at all."""
    point = space.pooled(z).double().requires_grad_()
    slope = torch.zeros_like(z)
    slope[:, : space.pooled_dim] = torch.autograd.grad(head.forward(point).sum(), point)[0].float()
    return slope


def _came_of(
    space: LatentSpace,
    head: RidgeHead,
    reader: Reader,
    promised: Array,
    unmoved: Sequence[str],
    moved: Sequence[str],
    seed: int,
) -> dict[str, float]:
    """What moves of latents did to what these write, by n promised gains of score and n texts without and with them.

    `changed`: share of texts that are others. `kept`: median share of the promise that the head finds in the new text
    against the old one, with a bootstrap interval of 90%. `reader_gain`: mean gain of score by a reader that learned
    from other tweets, and its standard error: one yardstick for all heads.
    """
    sound = [i for i, pair in enumerate(zip(unmoved, moved, strict=True)) if all(text.strip() for text in pair)]
    old, new = ([texts[i] for i in sound] for texts in (unmoved, moved))
    before, after = (head.outputs(_pooled(space, space.encode(texts)))[:, 0] for texts in (old, new))
    share = (after - before) / promised[sound]
    draws = np.random.default_rng(seed).choice(share, (DRAWS, len(share)))
    low, high = np.quantile(np.median(draws, axis=1), [0.05, 0.95])
    read = reader.outputs(new)[:, 0] - reader.outputs(old)[:, 0]
    return {
        "changed": float(np.mean([a != b for a, b in zip(old, new, strict=True)])),
        "promised": float(promised.mean()),
        "kept": float(np.median(share)),
        "kept_low": float(low),
        "kept_high": float(high),
        "reader_gain": float(read.mean()),
        "reader_gain_error": float(read.std() / len(read) ** 0.5),
    }


def _pooled(space: LatentSpace, z: torch.Tensor) -> Array:
    return np.asarray(space.pooled(z).double().numpy())


def _r2_within(predicted: Array, frame: pd.DataFrame) -> float:
    truth = np.log1p(frame["likes"].to_numpy(dtype=float))
    index = np.unique(frame["account"].astype(str).to_numpy(), return_inverse=True)[1]
    truth, predicted = (v - (np.bincount(index, weights=v) / np.bincount(index))[index] for v in (truth, predicted))
    return 1 - float(((truth - predicted) ** 2).sum() / (truth**2).sum())

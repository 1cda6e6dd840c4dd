"""How surely a direction is known, and how many examples would do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from latentopt.directions.examples import Examples
from latentopt.directions.miners.miner import Fit
from latentopt.errors import LatentoptError

COUNTS = (10, 30, 100, 300, 1000, 3000, 10_000)
BOOTSTRAPS = 20
REPEATS = 5


@dataclass(frozen=True)
class Stability:
    """How surely a direction is known.

    cosine, low, high: median, and the ends of the middle nine tenths, of the cosine between the direction and those of
    bootstrap samples (sources drawn with replacement). share: of the mean square of what pairs differ by, how much lies
    along the direction; of texts that are no pairs, the share of the variance along it that lies between the kinds.
    Both are of the examples that it was mined from, and the fewer these are, the higher than of new ones.
    """

    cosine: float
    low: float
    high: float
    share: float

    def to_json(self) -> dict[str, Any]:
        """Return the attributes by name."""
        return asdict(self)


@dataclass(frozen=True)
class CurveRow:
    """A direction of so many examples: mean and spread (of draws) of its cosine to the held-out mean difference.

    right_way: share of held-out pairs that go its way, as in `Consistency`.
    """

    examples: int
    cosine: float
    spread: float
    right_way: float

    def to_json(self) -> dict[str, Any]:
        """Return the attributes by name."""
        return asdict(self)


def stability(examples: Examples, miner: Fit, *, bootstraps: int = BOOTSTRAPS, seed: int = 0) -> Stability:
    """Measure how surely a miner's direction is known.

    Args:
        examples: what it is fitted to. miner: fits it. bootstraps: how often again. seed: of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    vector = miner(examples).vector
    again = torch.stack([miner(_resampled(examples, generator)).vector for _ in range(bootstraps)])
    cosines = F.cosine_similarity(again, vector[None])
    low, middle, high = torch.quantile(cosines, torch.tensor([0.05, 0.5, 0.95])).tolist()
    return Stability(middle, low, high, _share(examples, F.normalize(vector, dim=0)))


def learning_curve(
    examples: Examples,
    held: Examples,
    miner: Fit,
    *,
    counts: tuple[int, ...] = COUNTS,
    repeats: int = REPEATS,
    seed: int = 0,
) -> list[CurveRow]:
    """What a miner makes of 10, 30, 100, ... examples, and of all.

    Args:
        examples: from which they are drawn, of texts that are no pairs so many of each kind. held: others, on which
            the directions are measured. miner: fits them. counts: of examples. repeats: draws of each. seed: of the
            draws.
    """
    generator = torch.Generator().manual_seed(seed)
    most = min(len(examples.source), len(examples.target))
    truth, rows = held.mean(), []
    for count in (*(n for n in counts if n < most), most):
        drawn = [_drawn(examples, count, generator) for _ in range(1 if count == most else repeats)]
        found = [miner(part) for part in drawn]
        cosines = torch.stack([F.cosine_similarity(one.vector, truth, dim=0) for one in found])
        right = [_goes_right(held, part, one.at) for part, one in zip(drawn, found, strict=True)]
        rows.append(CurveRow(count, float(cosines.mean()), float(cosines.std(correction=0)), sum(right) / len(right)))
    return rows


def _goes_right(held: Examples, fitted: Examples, step: Any) -> float:
    if held.group is not None:
        return float(((held.difference * step(held.source)).sum(1) > 0).float().mean())
    middle = (fitted.source.mean(0) + fitted.target.mean(0)) / 2
    sides = ((held.source, -1), (held.target, 1))
    shares = [((sign * (z - middle) * step(z)).sum(1) > 0).float().mean() for z, sign in sides]
    return float(sum(shares) / 2)


def _share(examples: Examples, unit: Tensor) -> float:
    if examples.group is not None:
        square = examples.difference.square().sum(1).mean().clamp_min(1e-12)
        return float((examples.difference @ unit).square().mean() / square)
    source, target = examples.source @ unit, examples.target @ unit
    if len(source) + len(target) < 3:
        raise LatentoptError("a share of the variance needs three texts or more")
    within = (source - source.mean()).square().mean() / 2 + (target - target.mean()).square().mean() / 2
    between = (target.mean() - source.mean()).square() / 4
    return float(between / (between + within).clamp_min(1e-12))


def _resampled(examples: Examples, generator: torch.Generator) -> Examples:
    if examples.group is None:
        sides = (len(examples.source), len(examples.target))
        rows = [torch.randint(n, (n,), generator=generator) for n in sides]
        return examples.take(rows[0], rows[1])
    _, group = examples.group.unique(return_inverse=True)
    count = int(group.max()) + 1
    times = torch.bincount(torch.randint(count, (count,), generator=generator), minlength=count)
    rows_of_pairs = torch.repeat_interleave(torch.arange(len(group)), times[group])
    return examples.take(rows_of_pairs, rows_of_pairs)


def _drawn(examples: Examples, count: int, generator: torch.Generator) -> Examples:
    if examples.group is None:
        sides = (len(examples.source), len(examples.target))
        rows = [torch.randperm(n, generator=generator)[:count] for n in sides]
        return examples.take(rows[0], rows[1])
    rows_of_pairs = torch.randperm(len(examples.source), generator=generator)[:count]
    return examples.take(rows_of_pairs, rows_of_pairs)

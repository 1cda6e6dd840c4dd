"""Do examples agree on a direction? Measured on examples that the direction was not fitted to."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from latentopt.directions.examples import Examples
from latentopt.directions.miners.miner import Fit
from latentopt.directions.split import Folds
from latentopt.errors import LatentoptError

CHUNK = 2**22  # numbers of a matrix that is in memory at once: 16 MiB of float32


@dataclass(frozen=True)
class Consistency:
    """How consistent examples are.

    Attributes:
        cosine: of pairs, mean cosine between a held-out difference and the miner's step there, fitted to the other
            pairs. Of texts that are no pairs, mean cosine between the step and the way from the middle between the two
            kinds to a held-out target, or from a held-out source to it. 0 is expected where there is no direction.
        right_way: share of held-out pairs whose target lies further along than its source; of texts that are no pairs,
            share on their side of the middle, of both kinds alike. 0.5 is expected by chance.
        cosine_p: probability of such a cosine of the mean difference, or a higher one, where there is no direction.
        right_way_p: the same of its share. Both are the mean difference's whoever mined: whether the examples have a
            direction is their affair, and no miner's.
        pairs: held-out pairs, or texts.
        sources: different sources among them.
        permutations: draws that the probabilities rest on; none is below 1 / (1 + permutations).
        least_p: the lowest probability that so many draws, and so few examples, can be expected to come to: five
            sources have 32 signs, of which two measure the same, so that nothing they say is surer than 1 in 16.
    """

    cosine: float
    cosine_p: float
    right_way: float
    right_way_p: float
    pairs: int
    sources: int
    permutations: int
    least_p: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the attributes by name."""
        return asdict(self)


def consistency(
    examples: Examples,
    folds: Folds,
    *,
    miner: Fit,
    permutations: int = 1000,
    seed: int = 0,
) -> Consistency:
    """Measure the consistency of examples, with a permutation test.

    Where source and target of a pair are interchangeable, each difference is as likely as its negative: the test draws
    a sign for each source, which all its pairs share since they are not independent. Where the two kinds of texts are,
    it deals the labels anew within each fold, which holds as many of each kind as before. Each draw fits the mean
    difference again for each fold and measures again. p = (1 + draws as high) / (1 + draws), which is exact (Phipson
    and Smyth 2010, "Permutation p-values should never be zero") where what is dealt is exchangeable. Labels of texts
    that share an author are not: p is then too low.

    Args:
        examples: latents. folds: in which they are held out. miner: whose consistency is measured.
        permutations: number of draws. seed: of the draws.

    Raises:
        LatentoptError: if nothing is held out, if a fold leaves nothing to fit to, or if a source is in two folds.
    """
    held = folds.held
    if not held or any(not side.any() for k in held for side in folds.parts(k)[0]):
        raise LatentoptError("some pairs must be held out, and some left to fit the direction to")
    if examples.group is not None:
        _, group = examples.group.unique(return_inverse=True)
        if len(torch.stack([group, folds.source]).unique(dim=1).T) > int(group.max()) + 1:
            raise LatentoptError("all pairs of a source must be in one fold; see folds_by_source")
    measure = _measure_labels if examples.group is None else _measure_signs
    measured = measure(examples, folds, permutations, torch.Generator().manual_seed(seed))  # (2, 1 + permutations)
    cosine, right_way = _of_miner(examples, folds, miner)
    out = folds.source >= 0
    texts = int(out.sum()) + (0 if examples.group is not None else int((folds.target >= 0).sum()))
    sources = int(out.sum()) if examples.group is None else len(examples.group[out].unique())
    return Consistency(
        cosine=cosine,
        cosine_p=_p_value(measured[0]),
        right_way=right_way,
        right_way_p=_p_value(measured[1]),
        pairs=texts,
        sources=sources,
        permutations=permutations,
        least_p=max(1 / (1 + permutations), _least_share(examples, folds)),
    )


def _least_share(examples: Examples, folds: Folds) -> float:
    """Share of all signs, or labels, that measure at least as high as any of them does."""
    if examples.group is not None:
        return 2.0 ** (1 - len(examples.group.unique()))  # all signs turned measure the same
    sizes = [[int((side == k).sum()) for side in (folds.source, folds.target)] for k in folds.numbers]
    ways = math.prod(math.comb(n + m, n) for n, m in sizes)
    return (2 if all(n == m for n, m in sizes) else 1) / ways


def _of_miner(examples: Examples, folds: Folds, miner: Fit) -> tuple[float, float]:
    """Mean cosine and share that goes the right way, of what the miner finds in the others."""
    cosines, right = [], []
    for k in folds.held:
        kept, out = folds.parts(k)
        others, held = examples.take(*kept), examples.take(*out)
        direction = miner(others)
        if held.group is not None:
            step, way = direction.at(held.source), held.difference
            cosines.append(F.cosine_similarity(way, step))
            right.append(((way * step).sum(1) > 0).float())
            continue
        middle = (others.source.mean(0) + others.target.mean(0)) / 2
        for z, sign in ((held.source, -1), (held.target, 1)):
            if len(z):
                way, step = sign * (z - middle), direction.at(z)
                # Each kind has one voice, whatever the number of its texts.
                cosines.append(F.cosine_similarity(way, step).mean()[None])
                right.append(((way * step).sum(1) > 0).float().mean()[None])
    return float(torch.cat(cosines).mean()), float(torch.cat(right).mean())


def _measure_signs(examples: Examples, folds: Folds, permutations: int, generator: torch.Generator) -> Tensor:
    """Return mean cosine and share of pairs that go the right way for each draw of signs, (2, 1 + permutations)."""
    assert examples.group is not None
    difference, (_, group) = examples.difference.float(), examples.group.unique(return_inverse=True)
    unit, fold = F.normalize(difference), folds.source
    measured: list[Tensor] = []
    for count in _chunks(1 + permutations, max(difference.shape)):
        sign = torch.randint(2, (count, int(group.max()) + 1), generator=generator).float() * 2 - 1
        if not measured:
            sign[0] = 1  # the pairs as they are, by the same arithmetic as the draws
        sign = sign[:, group]  # (p, n)
        total, sums = sign @ difference, torch.zeros(2, count)
        for k in folds.held:
            out = fold == k
            direction = F.normalize(total - sign[:, out] @ difference[out])  # (p, d), of the other pairs
            along = direction @ unit[out].T * sign[:, out]  # (p, held out)
            sums += torch.stack([along.sum(1), (along > 0).float().sum(1)])
        measured.append(sums / int((fold >= 0).sum()))
    return torch.cat(measured, dim=1)


def _measure_labels(examples: Examples, folds: Folds, permutations: int, generator: torch.Generator) -> Tensor:
    """The same for each draw of labels."""
    z = torch.cat([examples.source, examples.target]).float()
    fold = torch.cat([folds.source, folds.target])
    label = torch.cat([torch.zeros(len(examples.source)), torch.ones(len(examples.target))])
    dealt = [
        (fold == k).nonzero()[:, 0] for k in folds.numbers
    ]  # folds are dealt by kind, so that labels stay in theirs
    measured: list[Tensor] = []
    for count in _chunks(1 + permutations, max(z.shape)):
        drawn, sums, kinds = label.repeat(count, 1), torch.zeros(2, count), torch.zeros(count)
        for rows in dealt:
            drawn[:, rows] = label[rows][torch.rand(count, len(rows), generator=generator).argsort(1)]
        if not measured:
            drawn[0] = label
        for k in folds.held:
            kept, out = fold != k, fold == k
            ones = drawn[:, kept].sum(1, keepdim=True)
            target = drawn[:, kept] @ z[kept] / ones.clamp_min(1)
            source = (1 - drawn[:, kept]) @ z[kept] / (int(kept.sum()) - ones).clamp_min(1)
            direction, middle = F.normalize(target - source), (target + source) / 2  # (p, d)
            along = direction @ z[out].T - (direction * middle).sum(1, keepdim=True)  # (p, held out)
            square = z[out].square().sum(1) - 2 * middle @ z[out].T + middle.square().sum(1, keepdim=True)
            cosine = along / square.clamp_min(1e-12).sqrt()
            for share, sign in ((1 - drawn[:, out], -1), (drawn[:, out], 1)):
                there = share.sum(1)
                each = torch.stack([sign * cosine * share, (sign * along > 0).float() * share]).sum(2)
                sums += torch.where(there > 0, each / there.clamp_min(1), 0)
                kinds += (there > 0).float()
        measured.append(sums / kinds)
    return torch.cat(measured, dim=1)


def _chunks(total: int, width: int) -> list[int]:
    rows = max(1, CHUNK // width)
    return [min(rows, total - start) for start in range(0, total, rows)]


def _p_value(values: Tensor) -> float:
    return float((values >= values[0]).double().mean())  # the first counts itself: (1 + draws as high) / (1 + draws)

"""Do pairs agree on a direction? Measured on pairs that the direction was not fitted to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from latentopt.directions.mean_difference import Miner, mean_difference, noise_of
from latentopt.errors import LatentoptError

CHUNK = 2**22  # numbers of a matrix that is in memory at once: 16 MiB of float32


@dataclass(frozen=True)
class Consistency:
    """How consistent the differences of pairs are.

    Attributes:
        cosine: mean cosine between the difference of a held-out pair and the direction fitted to the other pairs;
            0 is expected where the pairs have nothing in common.
        cosine_p: probability of a cosine as high or higher where they have nothing in common.
        right_way: share of held-out pairs whose target lies further along that direction than its source; 0.5 is
            expected by chance.
        right_way_p: probability of such a share or a higher one by chance.
        pairs: held-out pairs.
        sources: different sources among them.
        permutations: draws that the probabilities rest on; none is below 1 / (1 + permutations).
    """

    cosine: float
    cosine_p: float
    right_way: float
    right_way_p: float
    pairs: int
    sources: int
    permutations: int

    def to_json(self) -> dict[str, Any]:
        """Return the attributes by name."""
        return asdict(self)


def consistency(
    difference: Tensor,
    *,
    group: Tensor,
    fold: Tensor,
    miner: Miner = mean_difference,
    permutations: int = 1000,
    seed: int = 0,
) -> Consistency:
    """Measure the consistency of differences, with a permutation test.

    Where source and target are interchangeable, each difference is as likely as its negative. The test draws
    a sign for each source, which all its pairs share since they are not independent, turns the differences by it,
    fits the direction again for each fold and measures again. p = (1 + draws as high) / (1 + draws), which is exact
    (Phipson and Smyth 2010, "Permutation p-values should never be zero").

    Args:
        difference: target latent minus source latent of each pair, shape (n, d).
        group: source of each pair, shape (n,), integers.
        fold: fold in which each pair is held out, shape (n,), integers; -1 where it only serves to fit.
        miner: fits the direction.
        permutations: number of draws.
        seed: of the draws.

    Raises:
        LatentoptError: if no pair is held out, if a fold leaves no pair to fit to, or if a source is in two folds.
    """
    held = [int(k) for k in fold.unique() if k >= 0]
    if not held or any(bool((fold == k).all()) for k in held):
        raise LatentoptError("some pairs must be held out, and some left to fit the direction to")
    _, group = group.unique(return_inverse=True)
    if len(torch.stack([group, fold]).unique(dim=1).T) > int(group.max()) + 1:
        raise LatentoptError("all pairs of a source must be in one fold; see folds_by_source")
    difference = difference.float()
    generator = torch.Generator().manual_seed(seed)
    rows = max(1, CHUNK // max(difference.shape))
    measured = []
    for start in range(0, 1 + permutations, rows):
        count = min(rows, 1 + permutations - start)
        sign = torch.randint(2, (count, int(group.max()) + 1), generator=generator).float() * 2 - 1
        if start == 0:
            sign[0] = 1  # the pairs as they are, by the same arithmetic as the draws
        measured.append(_measure(difference, sign, group, fold, held, miner))
    cosine, right_way = torch.cat(measured, dim=1)  # (1 + permutations,) each
    return Consistency(
        cosine=float(cosine[0]),
        cosine_p=_p_value(cosine),
        right_way=float(right_way[0]),
        right_way_p=_p_value(right_way),
        pairs=int((fold >= 0).sum()),
        sources=len(group[fold >= 0].unique()),
        permutations=permutations,
    )


def _measure(difference: Tensor, sign: Tensor, group: Tensor, fold: Tensor, held: list[int], miner: Miner) -> Tensor:
    """Return mean cosine and share of pairs that go the right way for each row of signs (p, sources), shape (2, p)."""
    sign = sign[:, group]  # (p, n)
    unit = F.normalize(difference)
    total = sign @ difference  # (p, d)
    cosine, right = torch.zeros(2, len(sign))
    for k in held:
        out = fold == k
        mean = (total - sign[:, out] @ difference[out]) / int((~out).sum())  # (p, d), of the other pairs
        square = difference[~out].square().sum(1).mean()  # the same whatever the signs
        direction = F.normalize(miner(mean, noise_of(mean, square, len(group[~out].unique()))))
        along = direction @ unit[out].T * sign[:, out]  # (p, held out)
        cosine += along.sum(1)
        right += (along > 0).sum(1)
    return torch.stack([cosine, right]) / int((fold >= 0).sum())


def _p_value(values: Tensor) -> float:
    return float((values >= values[0]).double().mean())  # the first counts itself: (1 + draws as high) / (1 + draws)

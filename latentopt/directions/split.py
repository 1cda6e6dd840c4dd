"""Which pairs are held out together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from latentopt.errors import LatentoptError

FOLDS = 5


def source_ids(sources: Sequence[str]) -> Tensor:
    """Number of each pair's source, shape (n,): the same for texts that differ in case or white space alone."""
    ids: dict[str, int] = {}
    return torch.tensor([ids.setdefault(" ".join(text.casefold().split()), len(ids)) for text in sources])


def folds_by_source(group: Tensor, *, folds: int = FOLDS, seed: int = 0) -> Tensor:
    """Deal pairs into folds so that no source is in two of them.

    A source with several targets would otherwise be in both parts, and what is special to it would pass for a
    direction.

    Args:
        group: source of each pair, shape (n,), as `source_ids` numbers them.
        folds: how many; each gets the same number of sources, or one more.
        seed: of the shuffle.

    Returns:
        Fold of each pair, 0 to folds - 1, shape (n,).

    Raises:
        LatentoptError: if there are fewer sources than folds.
    """
    sources = int(group.max()) + 1 if len(group) else 0
    if sources < folds:
        raise LatentoptError(
            f"a direction needs pairs with {folds} different sources or more, to hold some of them out; got {sources}"
        )
    order = torch.randperm(sources, generator=torch.Generator().manual_seed(seed))
    fold = torch.empty(sources, dtype=torch.long)
    fold[order] = torch.arange(sources) % folds
    return fold[group]

"""Which pairs are held out together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentopt.errors import LatentoptError

FOLDS = 5


def source_ids(sources: Sequence[str]) -> Tensor:
    """Number of each pair's source, shape (n,): the same for texts that differ in case or white space alone."""
    ids: dict[str, int] = {}
    return torch.tensor([ids.setdefault(" ".join(text.casefold().split()), len(ids)) for text in sources])


def related(source: Sequence[str], target: Sequence[str], *, paired: bool) -> tuple[Tensor, Tensor]:
    """Number of what each source (n,) and each target (m,) belongs to.

    The same for texts that differ in case or white space alone and, of pairs, for partners, and partners of these.
    """
    ids = source_ids([*source, *target])
    if paired and len(ids):
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        ends = ids[: len(source)].numpy(), ids[len(source) :].numpy()
        count = int(ids.max()) + 1
        _, number = connected_components(coo_array(([1] * len(source), ends), (count, count)), directed=False)
        ids = torch.as_tensor(number)[ids]
    return ids[: len(source)], ids[len(source) :]


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


def folds_by_text(n: int, *, folds: int = FOLDS, seed: int = 0) -> Tensor:
    """Deal n texts that are no pairs into folds, shape (n,); raises as `folds_by_source`."""
    return folds_by_source(torch.arange(n), folds=folds, seed=seed)


@dataclass(frozen=True, eq=False)
class Folds:
    """In which fold each source (n,) and each target (m,) is held out, integers; -1: it only serves to fit."""

    source: Tensor
    target: Tensor

    @property
    def held(self) -> list[int]:
        """The folds in which something is held out."""
        return [int(k) for k in self.source.unique() if k >= 0]

    @property
    def numbers(self) -> list[int]:
        """These, and -1 where some only serve to fit."""
        return torch.cat([self.source, self.target]).unique().tolist()

    def parts(self, k: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Booleans of both sides: what fold k leaves to fit to, and what it holds out."""
        return (self.source != k, self.target != k), (self.source == k, self.target == k)


def halves(source: Tensor, target: Tensor, group: Tensor | None) -> list[tuple[Tensor, Tensor]]:
    """Every other source of those that are kept, with all its targets, and the others: booleans of both sides, twice.

    Args:
        source, target: what is kept, booleans (n,), (m,). group: source of each pair, (n,), as `source_ids` numbers
            them; None where texts are no pairs.
    """
    numbers = (torch.arange(len(side)) if group is None else group for side in (source, target))
    of_source, of_target = (number % 2 for number in numbers)
    return [(source & (of_source == half), target & (of_target == half)) for half in (0, 1)]

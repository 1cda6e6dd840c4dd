"""Texts to batches: token ids, runs of like lengths, noise on the input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler
from transformers import PreTrainedTokenizerBase

from latentopt.errors import LatentoptError
from latentopt.model.tokenizer import token_ids
from latentopt.training.corruption import Corruption, corrupt

# A batch is this many runs of texts of like lengths: one alone would save as much padding, but its latents would be
# those of one length, which no regularizer should push towards the prior of all texts.
RUNS = 4
# Runs are padded to a multiple of this; torch.compile makes a graph for each width of a batch, so it gets few.
PAD_TO, PAD_TO_COMPILED = 4, 16
POOL = 400  # runs that are sorted by length together

Row = tuple[int, list[int]]  # the number of its draw, and its token ids


class TokenTexts(Dataset[Row]):
    """Texts as token ids, each at most `positions` long; longer ones are left out and counted in `too_long`.

    Text i in epoch e is item i + e * len: the number tells the draws apart, and seeds the noise of each.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, positions: int) -> None:
        flat: list[int] = []
        self.lengths: list[int] = []
        self.too_long = 0
        for start in range(0, len(texts), 10_000):
            for ids in token_ids(tokenizer, texts[start : start + 10_000]):
                if len(ids) > positions:
                    self.too_long += 1
                else:
                    flat += ids
                    self.lengths.append(len(ids))
        if not self.lengths:
            raise LatentoptError(
                f"training needs texts of at most {positions} tokens, but all {len(texts)} are longer; "
                "raise the number of positions"
            )
        self.flat = torch.tensor(flat, dtype=torch.int32)
        self.starts = torch.tensor([0, *self.lengths]).cumsum(0)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, draw: int) -> Row:
        i = draw % len(self)
        return draw, self.flat[self.starts[i] : self.starts[i + 1]].tolist()


class LengthGroupedSampler(Sampler[int]):
    """A shuffled order of draws (see TokenTexts) in which each run of `run` texts has like lengths.

    Seeded by seed and epoch alone, so that a resumed run sees the order that the uninterrupted one sees.
    (transformers' own draws from the global generator, whose state at the start of an epoch a resumed run does not
    have.)
    """

    def __init__(self, lengths: Sequence[int], run: int, *, seed: int) -> None:
        self.lengths = torch.tensor(lengths)
        self.run = run
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(len(self.lengths), generator=generator)
        pools = order.split(self.run * POOL)
        runs = [r for pool in pools for r in pool[self.lengths[pool].argsort(stable=True)].split(self.run)]
        # The short last run of the last pool stays last: in the middle it would shift all that follow.
        whole = [r for r in runs if len(r) == self.run]
        rest = [r for r in runs if len(r) < self.run]
        shuffled = [whole[i] for i in torch.randperm(len(whole), generator=generator).tolist()]
        for run in [*shuffled, *rest]:
            yield from (run + self.epoch * len(self)).tolist()


class Collator:
    """Lists of token ids to a padded batch: corrupted `input_ids`, `attention_mask`, clean `labels`, `widths` of runs.

    A batch that does not divide into `runs` equal runs is one run.
    """

    def __init__(
        self,
        pad_id: int,
        positions: int,
        corruptions: Sequence[Corruption],
        *,
        seed: int,
        pad_to: int = PAD_TO,
        runs: int = 1,
    ) -> None:
        self.pad_id = pad_id
        self.positions = positions
        self.corruptions = corruptions
        self.seed = seed
        self.pad_to = pad_to
        self.runs = runs

    def __call__(self, draws: Sequence[Row]) -> dict[str, Any]:
        rows = [ids for _, ids in draws]
        inputs = [self._corrupted(*draw) for draw in draws] if self.corruptions else rows
        size = len(rows) if len(rows) % self.runs else len(rows) // self.runs
        widths = [
            min(-(-max(map(len, rows[i : i + size])) // self.pad_to) * self.pad_to, self.positions)
            for i in range(0, len(rows), size)
        ]
        input_ids = self._padded(inputs, max(widths))
        batch = {
            "input_ids": input_ids,
            "attention_mask": (input_ids != self.pad_id).long(),
            "labels": self._padded(rows, max(widths)),
        }
        return batch if len(widths) == 1 else batch | {"widths": widths}

    def _corrupted(self, draw: int, ids: list[int]) -> list[int]:
        # Not from the global generator: batches are made ahead of the step at which a checkpoint saves its state.
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + draw)
        # The end token is never corrupted: it tells the encoder that the text is complete.
        return [*corrupt(ids[:-1], self.corruptions, generator), ids[-1]]

    def _padded(self, rows: Sequence[Sequence[int]], width: int) -> Tensor:
        out = torch.full((len(rows), width), self.pad_id)
        for i, row in enumerate(rows):
            out[i, : len(row)] = torch.tensor(row)
        return out

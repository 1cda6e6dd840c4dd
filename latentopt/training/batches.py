"""Texts to batches: runs of like lengths, noise on the input, spans to fill, what else is known of each text."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler
from transformers import PreTrainedTokenizerBase

from latentopt.errors import LatentoptError
from latentopt.model.padding import padded
from latentopt.model.spans import MOST_SPANS, Masked, Words, draw_spans, masked, words_of
from latentopt.model.tokenizer import sentinel_ids, token_ids
from latentopt.training.corruption import Corruption, Tokens, corrupt
from latentopt.training.recipe import Uses
from latentopt.training.teacher import TeacherEmbeddings

# Runs are padded to a multiple of this. A CPU's library compiles a kernel for each new shape, so that a step whose
# shapes vary spends most of its time there: few widths, and few numbers of rows.
PAD_TO = 8
POOL = 400  # runs that are sorted by length together
SENTINEL_ROOM = 8  # tokens by which a target may be longer than its text


@dataclass(frozen=True)
class Row:
    """One draw of a text: its number, which seeds its noise; its words; its values (p,) and embedding (e,), if any."""

    draw: int
    words: Words
    values: NDArray[np.float32] | None
    embedding: NDArray[np.floating[Any]] | None


class Texts(Dataset[Row]):
    """Training texts of at most `positions` tokens; longer ones are left out and counted in `too_long`.

    Text i in epoch e is item i + e * len: the number tells the draws apart, and seeds the noise of each.

    Args:
        tokenizer: a fast one. texts: n texts. positions: most tokens, the end token included.
        values: properties of the texts, (n, p), not a number where unknown. embeddings: a teacher's, (n, e), of which
            rows are asked for by their numbers.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        texts: Sequence[str],
        *,
        positions: int,
        values: NDArray[np.float32] | None = None,
        embeddings: NDArray[np.floating[Any]] | TeacherEmbeddings | None = None,
    ) -> None:
        lengths = [
            len(ids) for at in range(0, len(texts), 10_000) for ids in token_ids(tokenizer, texts[at : at + 10_000])
        ]
        self.kept = [i for i, length in enumerate(lengths) if length <= positions]
        self.too_long = len(texts) - len(self.kept)
        if not self.kept:
            raise LatentoptError(
                f"training needs texts of at most {positions} tokens, but all {len(texts)} are longer; "
                "raise the number of positions"
            )
        self.tokenizer = tokenizer
        self.texts = texts
        self.lengths = [lengths[i] for i in self.kept]
        self.values = values
        self.embeddings = embeddings

    def __len__(self) -> int:
        return len(self.kept)

    def __getitem__(self, draw: int) -> Row:
        return self.__getitems__([draw])[0]

    def __getitems__(self, draws: Sequence[int]) -> list[Row]:
        """Many at once, as a DataLoader asks for them: a tokenizer is slow on single texts."""
        rows = [self.kept[draw % len(self)] for draw in draws]
        found = words_of(self.tokenizer, [self.texts[i] for i in rows])
        embeddings = [None] * len(rows) if self.embeddings is None else self.embeddings[rows]
        return [
            Row(
                draw,
                words,
                None if self.values is None else self.values[i],
                embedding,
            )
            for draw, i, words, embedding in zip(draws, rows, found, embeddings, strict=True)
        ]


class LengthGroupedSampler(Sampler[int]):
    """A shuffled order of draws (see Texts) in which each run of `run` texts has like lengths.

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
    """Rows to a batch: {"runs": [...]}, each run a dictionary of tensors for r rows of like lengths, padded.

    input_ids, attention_mask (r, w): what the encoder reads to find the latent, perhaps corrupted. null (r,). labels
    (k, w): the first k rows as whole texts. source_ids, source_mask, target, weights (m, w + 8): the next m rows'
    masked sources, what shall be written, and what each of its tokens weighs. The rest is only read. values (r, p),
    embeddings (r, e), where known.

    All randomness of a row comes from its draw's number. Where the tokenizer has no sentinels, all rows are whole.

    Args:
        tokenizer: of the rows. positions: most tokens of a text. corruptions: noise on what the encoder reads.
        uses: shares of the rows. seed: of all noise.
        runs: in a batch. One alone would save as much padding, but its latents would be those of one length, which no
            regularizer should push towards the prior of all texts.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        positions: int,
        corruptions: Sequence[Corruption] = (),
        *,
        uses: Uses,
        seed: int,
        runs: int = 1,
    ) -> None:
        self.pad_id, self.end_id = tokenizer.pad_token_id, tokenizer.eos_token_id
        self.sentinels = sentinel_ids(tokenizer)
        self.positions = positions
        self.corruptions = corruptions
        self.tokens = Tokens.of(tokenizer)
        # One that cannot be done with this tokenizer says so before the work.
        corrupt(self.tokens.ordinary[:1].tolist(), corruptions, self.tokens, torch.Generator())
        self.uses = uses if self.sentinels else replace(uses, fills=0.0)
        self.seed = seed
        self.runs = runs

    def __call__(self, rows: Sequence[Row]) -> dict[str, Any]:
        # A batch that does not divide into `runs` equal runs is one run.
        size = len(rows) if len(rows) % self.runs else len(rows) // self.runs
        return {"runs": [self._run(rows[i : i + size]) for i in range(0, len(rows), size)]}

    def _run(self, rows: Sequence[Row]) -> dict[str, Tensor]:
        # Not from the global generator: batches are made ahead of the step at which a checkpoint saves its state.
        draws = [random.Random(self.seed * 1_000_003 + row.draw) for row in rows]
        longest = 1 + max(len(row.words.ids) for row in rows)
        width = min(-(-longest // PAD_TO) * PAD_TO, self.positions)
        fills = round(self.uses.fills * len(rows))
        whole = len(rows) - round((self.uses.fills + self.uses.read) * len(rows))
        inputs = [self._read(row.words.ids, draw) for row, draw in zip(rows, draws, strict=True)]
        input_ids, attention_mask = padded(inputs, self.pad_id, width=width)
        null = [
            draw.random() < (self.uses.null_wholes if i < whole else self.uses.null_fills)
            for i, draw in enumerate(draws)
        ]
        batch = {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "null": torch.tensor(null),
            "labels": padded([[*row.words.ids, self.end_id] for row in rows[:whole]], self.pad_id, width=width)[0],
        }
        if fills:
            room = width + SENTINEL_ROOM
            filled = list(zip(rows, draws, strict=True))[whole : whole + fills]
            made = [self._masked(row.words, draw, room) for row, draw in filled]
            source, source_mask = padded([m.source for m in made], self.pad_id, width=room)
            weights = torch.zeros(source.shape)
            for i, m in enumerate(made):
                weights[i, : len(m.weights)] = torch.tensor(m.weights)
            batch |= {
                "source_ids": source,
                "source_mask": source_mask,
                "target": padded([m.target for m in made], self.pad_id, width=room)[0],
                "weights": weights,
            }
        for name, known in (("values", [row.values for row in rows]), ("embeddings", [row.embedding for row in rows])):
            there = [value for value in known if value is not None]
            if there:
                batch[name] = torch.from_numpy(np.stack(there).astype(np.float32))
        return batch

    def _read(self, ids: list[int], draw: random.Random) -> list[int]:
        if self.corruptions:
            generator = torch.Generator().manual_seed(draw.getrandbits(48))
            ids = corrupt(ids, self.corruptions, self.tokens, generator)
        # The end token is never corrupted: it tells the encoder that the text is complete.
        return [*ids, self.end_id]

    def _masked(self, words: Words, draw: random.Random, room: int) -> Masked:
        for most in (MOST_SPANS, 4, 3, 2, 1):
            made = masked(words, draw_spans(words, draw, most=most), self.sentinels, end=self.end_id)
            if len(made.target) <= room:
                break
        return made

"""How fluent a text is: an n-gram model of the training texts, in tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from latentopt.errors import LatentoptError

QUANTILES = 1001
BIGRAMS, TRIGRAMS = 400_000, 250_000  # the most frequent ones that are kept: about 6 MB
RANKED = 5000  # texts that say how fluent texts are
BEFORE = 0  # the token id that stands twice before a text: padding, which is in none
PRIOR = (1.0, 20.0, 20.0)  # strength of each order's prior, in tokens


@dataclass(frozen=True)
class NGramModel:
    """An interpolated trigram model: each order's prediction is the prior of the next (MacKay & Peto 1995).

    p(w | u v) = (count(u v w) + m p(w | v)) / (count(u v) + m)

    unigrams: (vocabulary,) counts. bigrams, trigrams: sorted keys of the frequent ones, a token id a digit to the base
    of the vocabulary; their counts beside. quantiles: (1001,), of the training texts' log-probabilities, rising.
    """

    unigrams: Tensor
    bigrams: Tensor
    bigram_counts: Tensor
    trigrams: Tensor
    trigram_counts: Tensor
    quantiles: Tensor

    @classmethod
    def fit(
        cls,
        rows: Sequence[Sequence[int]],
        *,
        vocab_size: int,
        bigrams: int | None = BIGRAMS,
        trigrams: int | None = TRIGRAMS,
    ) -> Self:
        """Count the n-grams of token ids, each row ended by its end token.

        Give each text once: of two copies, one would be ranked by a model that has counted the other. At most the
        `bigrams` and `trigrams` most frequent ones that occur twice are kept; None keeps all there are.
        """
        if not rows:
            raise LatentoptError("an n-gram model is fitted to one text or more, got none")
        # Texts that are counted look more fluent than new ones: those that set the scale are left out.
        ranked = rows[:: max(2, len(rows) // RANKED)]
        counted = [row for i, row in enumerate(rows) if i % max(2, len(rows) // RANKED)] or rows
        u, v, w, _ = _contexts(counted)
        unigrams = torch.bincount(w, minlength=vocab_size)
        counts = (
            *_frequent(v * vocab_size + w, bigrams),
            *_frequent((u * vocab_size + v) * vocab_size + w, trigrams),
        )
        unranked = cls(unigrams, *counts, torch.empty(0))
        ranks = torch.linspace(0, 1, QUANTILES)
        quantiles = torch.quantile(unranked.log_probability(ranked), ranks)
        return cls(unigrams, *counts, quantiles)

    def log_probability(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Mean log-probability per token in nats of rows of token ids, shape (n,)."""
        u, v, w, row = _contexts(rows)
        size = len(self.unigrams)
        p = (self.unigrams[w] + PRIOR[0]) / (self.unigrams.sum() + PRIOR[0] * size)
        seen = self.unigrams[v]
        p = (_count(self.bigrams, self.bigram_counts, v * size + w) + PRIOR[1] * p) / (seen + PRIOR[1])
        seen = _count(self.bigrams, self.bigram_counts, u * size + v)
        trigram = _count(self.trigrams, self.trigram_counts, (u * size + v) * size + w)
        p = (trigram + PRIOR[2] * p) / (seen + PRIOR[2])
        total = torch.zeros(len(rows)).index_add_(0, row, p.log().float())
        return total / torch.bincount(row, minlength=len(rows)).clamp_min(1)

    def perplexity(self, rows: Sequence[Sequence[int]]) -> float:
        """Perplexity of rows of token ids: exp of the mean negative log-probability of all their tokens."""
        tokens = torch.tensor([len(row) for row in rows], dtype=torch.float64)
        total = (self.log_probability(rows).double() * tokens).sum()
        return torch.exp(-total / tokens.sum()).item()

    def fluency(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Share of the training texts that are less probable per token, 0 to 1, shape (n,)."""
        if not rows:
            return torch.empty(0)
        rank = torch.searchsorted(self.quantiles, self.log_probability(rows))
        return (rank / len(self.quantiles)).clamp(0, 1)


def _contexts(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Every token w with the two before it, u and v, and the row it is in; all of shape (tokens,)."""
    flat = torch.tensor([token for row in rows for token in (BEFORE, BEFORE, *row)], dtype=torch.long)
    lengths = torch.tensor([len(r) for r in rows])
    row = torch.repeat_interleave(torch.arange(len(rows)), lengths)
    first = (lengths + 2).cumsum(0) - lengths  # where each row's own tokens begin
    inside = torch.arange(len(row)) - (lengths.cumsum(0) - lengths)[row]
    place = first[row] + inside
    return flat[place - 2], flat[place - 1], flat[place], row


def _frequent(keys: Tensor, most: int | None) -> tuple[Tensor, Tensor]:
    """Sorted keys and counts of the most frequent keys that occur twice or more; all keys where that leaves none."""
    found, counts = torch.unique(keys, return_counts=True)
    if most is None:
        return found, counts
    kept = counts >= 2 if (counts >= 2).any() else torch.ones_like(counts, dtype=torch.bool)
    found, counts = found[kept], counts[kept]
    if len(found) > most:
        kept = counts.topk(most).indices.sort().values
        found, counts = found[kept], counts[kept]
    return found, counts


def _count(keys: Tensor, counts: Tensor, wanted: Tensor) -> Tensor:
    place = torch.searchsorted(keys, wanted).clamp_max(len(keys) - 1)
    return torch.where(keys[place] == wanted, counts[place], 0)

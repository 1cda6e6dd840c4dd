"""Batches: order, padding, noise."""

from __future__ import annotations

import pytest
import torch

from latentopt.errors import LatentoptError
from latentopt.training.batches import Collator, LengthGroupedSampler, TokenTexts
from latentopt.training.corruption import Drop
from tests.toy import toy_space


class TestBatches:
    def test_texts_of_like_length_share_a_batch_and_none_is_lost(self) -> None:
        lengths = torch.randint(1, 60, (2000,), generator=torch.Generator().manual_seed(0)).tolist()
        order = list(LengthGroupedSampler(lengths, 16, seed=0))
        assert sorted(order) == list(range(2000))
        spread = [max(b) - min(b) for b in ([lengths[i] for i in order[s : s + 16]] for s in range(0, 2000, 16))]
        assert sum(spread) / len(spread) < 3

    def test_the_order_depends_on_seed_and_epoch_alone(self) -> None:
        def order(epoch: int) -> list[int]:
            sampler = LengthGroupedSampler(list(range(1, 100)), 4, seed=1)
            sampler.set_epoch(epoch)
            return list(sampler)

        assert order(2) == order(2)
        assert [draw % 99 for draw in order(2)] != [draw % 99 for draw in order(3)]
        assert sorted(draw % 99 for draw in order(2)) == list(range(99))

    def test_labels_stay_clean_and_the_end_token_stays_in_the_input(self) -> None:
        rows = [(0, [*range(5, 25), 1]), (1, [*range(5, 10), 1])]
        batch = Collator(0, 32, [Drop(0.5)], seed=0)(rows)
        assert batch["labels"].tolist()[0][:21] == rows[0][1]
        assert (batch["input_ids"] == 1).sum(1).tolist() == [1, 1]
        assert batch["attention_mask"].sum(1)[0] < 21

    def test_a_batch_is_runs_of_like_lengths(self) -> None:
        rows = [(i, [5] * n + [1]) for i, n in enumerate([2, 3, 9, 9, 20, 18])]
        batch = Collator(0, 32, [], seed=0, pad_to=4, runs=3)(rows)
        assert batch["widths"] == [4, 12, 24]
        assert batch["labels"].shape == (6, 24)
        assert "widths" not in Collator(0, 32, [], seed=0, runs=4)(rows)  # six rows are no four runs

    def test_texts_that_are_too_long_are_counted(self) -> None:
        data = TokenTexts(toy_space().tokenizer, ["boats", "the old baker " * 40], positions=32)
        assert (len(data), data.too_long) == (1, 1)
        with pytest.raises(LatentoptError, match="all 1 are longer"):
            TokenTexts(toy_space().tokenizer, ["the old baker " * 40], positions=32)

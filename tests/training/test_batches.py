"""Batches: order, padding, noise, spans to fill."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from latentopt.errors import LatentoptError
from latentopt.model.tokenizer import sentinel_ids, train_tokenizer
from latentopt.training.batches import Collator, LengthGroupedSampler, Texts
from latentopt.training.corruption import Drop
from latentopt.training.recipe import Uses
from tests.toy import toy_texts

TOKENIZER = train_tokenizer(toy_texts(300), vocab_size=400)
PAD, END = TOKENIZER.pad_token_id, TOKENIZER.eos_token_id
WHOLES, FILLS = Uses(0.0, 0.0, 0.0), Uses(1.0, 0.0, 0.0)


def texts(n: int = 12, **options: Any) -> Texts:
    return Texts(TOKENIZER, toy_texts(n), positions=32, **options)


def collator(uses: Uses, **options: Any) -> Collator:
    return Collator(TOKENIZER, 32, uses=uses, seed=0, **options)


def rows_of(tensor: torch.Tensor) -> list[list[int]]:
    return [[i for i in row if i != PAD] for row in tensor.tolist()]


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

    def test_texts_that_are_too_long_are_counted(self) -> None:
        data = Texts(TOKENIZER, ["boats", "the old baker " * 40], positions=32)
        assert (len(data), data.too_long) == (1, 1)
        with pytest.raises(LatentoptError, match="all 1 are longer"):
            Texts(TOKENIZER, ["the old baker " * 40], positions=32)

    def test_what_is_known_of_a_text_goes_with_it(self) -> None:
        few = ["the old baker " * 40, "boats", "bread"]
        data = Texts(
            TOKENIZER,
            few,
            positions=32,
            values=np.arange(3, dtype=np.float32)[:, None],
            embeddings=np.eye(3, dtype=np.float32),
        )
        rows = data.__getitems__([0, 1, 3])  # the last is the second text, drawn again
        assert [row.words.text for row in rows] == ["boats", "bread", "bread"]
        (run,) = collator(WHOLES)(rows)["runs"]
        assert run["values"].tolist() == [[1.0], [2.0], [2.0]]
        assert run["embeddings"].argmax(1).tolist() == [1, 2, 2]

    def test_one_row_is_what_many_are(self) -> None:
        data = texts()
        assert [data[i] for i in (0, 5, 13)] == data.__getitems__([0, 5, 13])


class TestCollator:
    def test_labels_stay_clean_and_the_end_token_stays_in_the_input(self) -> None:
        data = texts()
        (run,) = collator(WHOLES, corruptions=[Drop(0.5)])(data.__getitems__(range(6)))["runs"]
        assert rows_of(run["labels"]) == [[*data[i].words.ids, END] for i in range(6)]
        assert (run["input_ids"] == END).sum(1).tolist() == [1] * 6
        assert run["attention_mask"].sum() < (run["labels"] != PAD).sum()

    def test_a_batch_is_runs_of_like_lengths(self) -> None:
        data = Texts(TOKENIZER, ["boats", "bread", *["the old baker sells warm bread in winter"] * 2], positions=32)
        rows = data.__getitems__(range(4))
        runs = collator(WHOLES, runs=2)(rows)["runs"]
        assert [len(run["labels"]) for run in runs] == [2, 2]
        assert runs[0]["input_ids"].shape[1] < runs[1]["input_ids"].shape[1]
        assert len(collator(WHOLES, runs=3)(rows)["runs"]) == 1  # four rows are no three runs

    def test_uses_have_their_shares(self) -> None:
        data = texts(400)
        (run,) = collator(Uses(fills=0.75, null_fills=0.5, null_wholes=0.1))(data.__getitems__(range(400)))["runs"]
        assert len(run["labels"]) == 100
        assert len(run["source_ids"]) == len(run["target"]) == len(run["weights"]) == 300
        assert run["null"][:100].float().mean() == pytest.approx(0.1, abs=0.08)
        assert run["null"][100:].float().mean() == pytest.approx(0.5, abs=0.1)

    @pytest.mark.parametrize("uses", [{"fills": 1.2}, {"read": -0.1}, {"fills": 0.6, "read": 0.6}])
    def test_shares_out_of_range_are_refused(self, uses: dict[str, float]) -> None:
        with pytest.raises(ValueError, match="shares go from 0 to 1"):
            Uses(**uses)

    def test_a_fill_is_the_text_masked_and_the_text_with_its_spans_marked(self) -> None:
        data = texts()
        (run,) = collator(FILLS)(data.__getitems__(range(12)))["runs"]
        sentinels = set(sentinel_ids(TOKENIZER))
        for i, (source, target) in enumerate(zip(rows_of(run["source_ids"]), rows_of(run["target"]), strict=True)):
            assert [t for t in target if t not in sentinels] == [*data[i].words.ids, END]
            spans = [t for t in source if t in sentinels]
            assert [t for t in target if t in sentinels] == [s for s in spans for _ in range(2)]
            weights = run["weights"][i, : len(target)]
            kept = [t for t in source if t not in sentinels]
            assert (weights == 0.1).sum() == len(kept)
            assert (run["weights"][i, len(target) :] == 0).all()

    def test_a_draw_has_its_own_noise_whatever_its_neighbours(self) -> None:
        data = texts(20)

        def source(rows: list[int], at: int) -> list[int]:
            return rows_of(collator(FILLS)(data.__getitems__(rows))["runs"][0]["source_ids"])[at]

        assert source([3, 4, 5], 1) == source([4, 9], 0)
        assert [source([i, i + 20], 0) for i in range(8)] != [source([i, i + 20], 1) for i in range(8)]  # an epoch on

    def test_processes_of_their_own_make_the_same_batches(self) -> None:
        data, make = texts(24), collator(Uses())
        alone, apart = (list(DataLoader(data, 8, collate_fn=make, num_workers=n)) for n in (0, 2))
        for one, other in zip(alone, apart, strict=True):
            (a,), (b,) = one["runs"], other["runs"]
            assert a.keys() == b.keys()
            assert all(torch.equal(a[name], b[name]) for name in a)

    def test_a_tokenizer_without_sentinels_makes_whole_texts(self) -> None:
        plain = type(TOKENIZER)(tokenizer_object=TOKENIZER.backend_tokenizer, pad_token="<pad>", eos_token="</s>")
        known = {token: i for token, i in TOKENIZER.get_vocab().items() if not token.startswith("<extra_id_")}
        plain.get_vocab = lambda: known  # type: ignore[method-assign]
        made = Collator(plain, 32, uses=Uses(), seed=0)
        (run,) = made(texts().__getitems__(range(4)))["runs"]
        assert len(run["labels"]) == 4
        assert "source_ids" not in run

"""Texts as rows of token ids, in batches."""

from __future__ import annotations

from latentopt.space.tokens import WIDE, batches


class TestBatches:
    def test_every_row_is_in_one_batch_and_rows_of_a_batch_are_of_like_length(self) -> None:
        ids = [[7] * length for length in (5, 60, 3, WIDE, 40, WIDE + 1, 8)]
        assert list(batches(ids, 3)) == [[2, 0, 6], [3], [5], [4], [1]]
        assert list(batches(ids, 3, of=[1, 4, 6])) == [[6], [4], [1]]

    def test_no_batch_has_more_tokens_than_one_of_wide_rows(self) -> None:
        ids = [[7] * (1 + i % 64) for i in range(500)]
        widths = [len(rows) * len(ids[rows[-1]]) for rows in batches(ids, 16)]
        assert max(widths) == 16 * WIDE

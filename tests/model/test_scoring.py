"""What texts cost as a language model says it, however they begin."""

import pytest
import torch

from latentopt.model.padding import padded
from latentopt.model.scoring import surprise_of
from latentopt.model.tokenizer import token_ids
from tests.toy import toy_space


@pytest.mark.parametrize(
    "texts",
    [
        ["the old baker sells warm bread"],
        ["the old baker sells warm bread", "the old baker sells cold bread", "the old baker sells", "our baker"],
        ["warm bread", "warm bread", "the old baker sells warm bread to her brother"],
    ],
    ids=["one", "alike", "longer than the first"],
)
@torch.no_grad()
def test_reading_from_where_texts_part_gives_what_reading_all_does(texts):
    space = toy_space()
    ids = token_ids(space.tokenizer, texts)
    found = surprise_of(space.model, ids)
    labels, _ = padded(ids, space.model.config.pad_token_id)
    memory = space.model.memory(space.null.expand(len(ids), -1))
    expected = space.model.token_loss(memory, labels)
    for row, (losses, tokens) in enumerate(zip(found, ids, strict=True)):
        assert torch.allclose(losses, expected[row, : len(tokens)], atol=1e-4)

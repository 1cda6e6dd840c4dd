"""Token noise does what its name says."""

from __future__ import annotations

import pytest
import torch

from latentopt.errors import LatentoptError
from latentopt.model.tokenizer import SENTINELS, train_tokenizer
from latentopt.training.corruption import Blank, Drop, Substitute, Tokens, corrupt
from tests.toy import toy_texts

IDS = list(range(10, 1010))
TOKENS = Tokens(mask=2, ordinary=torch.arange(2000, 2010))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_drop_keeps_the_order_and_about_the_share_asked_for() -> None:
    kept = Drop(0.3)(IDS, TOKENS, seeded())
    assert kept == sorted(kept)
    assert 640 < len(kept) < 760


def test_drop_never_empties_a_text() -> None:
    assert [Drop(0.99)([5], TOKENS, seeded(s)) for s in range(50)] == [[5]] * 50


def test_blank_replaces_and_keeps_the_length() -> None:
    out = Blank(0.2)(IDS, TOKENS, seeded())
    assert len(out) == len(IDS)
    assert 150 < out.count(2) < 250
    assert all(a in (b, 2) for a, b in zip(out, IDS, strict=True))


def test_substitutes_are_ordinary_tokens() -> None:
    out = Substitute(0.5)(IDS, TOKENS, seeded())
    changed = [a for a, b in zip(out, IDS, strict=True) if a != b]
    assert 400 < len(changed) < 600
    assert all(2000 <= a < 2010 for a in changed)


def test_corruptions_compose_and_the_seed_decides() -> None:
    def noisy(seed: int) -> list[int]:
        return corrupt(IDS, [Drop(0.1), Blank(0.1)], TOKENS, seeded(seed))

    assert noisy(3) == noisy(3) != noisy(4)
    assert corrupt(IDS, [], TOKENS, seeded()) == IDS


@pytest.mark.parametrize("probability", [-0.1, 1.0])
def test_a_probability_out_of_range_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match=f"at least 0 and below 1, got {probability}"):
        Drop(probability)


def test_special_tokens_are_no_ordinary_ones() -> None:
    tokenizer = train_tokenizer(toy_texts(20), vocab_size=300)
    tokens = Tokens.of(tokenizer)
    special = set(tokenizer.convert_tokens_to_ids(["<pad>", "</s>", "<mask>", *SENTINELS]))
    assert set(tokens.ordinary.tolist()) == set(range(len(tokenizer))) - special
    assert tokens.mask == tokenizer.mask_token_id


def test_a_tokenizer_without_a_mask_token_cannot_blank() -> None:
    with pytest.raises(LatentoptError, match="no mask token"):
        Blank(0.1)([5], Tokens(None, TOKENS.ordinary), seeded())

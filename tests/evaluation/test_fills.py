"""Masked words are written anew, better with the latent of their text than without."""

from __future__ import annotations

from functools import cache

import pytest

from latentopt.evaluation import fills, language_model
from latentopt.model.tokenizer import SENTINELS
from latentopt.space import LatentSpace
from tests.toy import toy_space, toy_texts

TEXTS = toy_texts(120, seed=11)


@cache
def found() -> dict[str, dict[str, float]]:
    return fills(toy_space(), TEXTS)


def test_the_true_latent_helps_and_a_wrong_one_misleads() -> None:
    nats = {name: part["nats"] for name, part in found().items()}
    assert nats["true"] < nats["null"] - 0.05
    assert nats["null"] < nats["wrong"] - 0.05


def test_what_is_written_is_counted_against_what_stood_there() -> None:
    for part in found().values():
        assert 0 < part["exact"] < 1
        assert 0 < part["bleu"] < 100
    for measure in ("exact", "bleu"):
        assert found()["true"][measure] > found()["wrong"][measure]


def test_batches_change_nothing() -> None:
    few = TEXTS[:20]
    for a, b in zip(fills(toy_space(), few).values(), fills(toy_space(), few, batch_size=7).values(), strict=True):
        assert a["nats"] == pytest.approx(b["nats"], rel=0.01)  # bf16 where it is quick
        assert a["exact"] == pytest.approx(b["exact"], abs=0.1)


def test_a_model_without_sentinels_has_no_fills() -> None:
    space = toy_space()
    tokenizer = type(space.tokenizer)(tokenizer_object=space.tokenizer.backend_tokenizer, eos_token="</s>")
    known = {token: i for token, i in space.tokenizer.get_vocab().items() if token not in SENTINELS}
    tokenizer.get_vocab = lambda: known
    assert fills(LatentSpace(space.model, tokenizer), TEXTS[:4]) == {}


def test_nats_are_those_of_all_tokens_and_characters() -> None:
    space, few = toy_space(), TEXTS[:5]
    found = language_model(space, few)
    nats = -sum(
        likelihood * (length + 1)
        for likelihood, length in zip(space.log_likelihood(few).tolist(), space.lengths(few), strict=True)
    )
    assert found["nats_per_character"] == pytest.approx(nats / sum(map(len, few)), rel=0.01)
    assert found["nats_per_token"] == pytest.approx(nats / sum(n + 1 for n in space.lengths(few)), rel=0.01)

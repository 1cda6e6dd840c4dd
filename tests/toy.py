"""Tiny things to test with: texts of our own, and a space of a small untrained model."""

from __future__ import annotations

import random
from functools import cache

from latentopt.density import LatentDensity
from latentopt.model import T5VAE, T5VAEConfig, small_t5
from latentopt.space import LatentSpace
from latentopt.tokenization import train_tokenizer

WHO = ["my neighbour", "the old baker", "a quiet student", "her brother", "our new captain", "the tall nurse"]
DOES = ["paints", "sells", "repairs", "forgets", "loves", "carries"]
WHAT = ["green bicycles", "warm bread", "broken clocks", "long letters", "small boats", "paper stars"]
WHEN = ["every morning", "on Sundays", "after the rain", "without a word", "in winter", "by the river"]


def toy_texts(n: int, *, seed: int = 0) -> list[str]:
    """n sentences that nobody wrote."""
    draw = random.Random(seed)
    return [f"{draw.choice(WHO)} {draw.choice(DOES)} {draw.choice(WHAT)} {draw.choice(WHEN)}" for _ in range(n)]


@cache
def toy_space() -> LatentSpace:
    """A space with random weights (texts decode to gibberish), a real tokenizer, and a density."""
    from transformers import set_seed

    texts = toy_texts(300)
    tokenizer = train_tokenizer(texts, vocab_size=400)
    set_seed(0)
    space = LatentSpace(T5VAE(toy_config(len(tokenizer))), tokenizer)
    space.density = LatentDensity.fit(space.encode(texts))
    return space


def toy_config(vocab_size: int, **options: object) -> T5VAEConfig:
    """The shape of the toy: 16 latent dimensions, 32 positions."""
    t5 = small_t5(vocab_size, d_model=32, layers=1, heads=2, d_ff=64, positions=32)
    return T5VAEConfig(t5, latent_dim=16, positions=32, slot_dim=8, **options)  # type: ignore[arg-type]

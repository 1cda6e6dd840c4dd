"""Tiny things to test with: texts of our own, and a space of a small model."""

from __future__ import annotations

import random
from functools import cache

import torch
from transformers import set_seed

from latentopt.model import T5VAE, T5VAEConfig, small_t5
from latentopt.model.tokenizer import token_ids, train_tokenizer
from latentopt.space import LatentSpace
from latentopt.space.density import LatentDensity

TRAINING_STEPS = 300
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
    """A space that knows the sentences of `toy_texts` roughly, after two seconds of training."""
    texts = toy_texts(300)
    tokenizer = train_tokenizer(texts, vocab_size=400)
    set_seed(0)
    space = LatentSpace(T5VAE(toy_config(len(tokenizer), latent_noise=0.3)), tokenizer)
    _train(space, toy_texts(3000, seed=1), steps=TRAINING_STEPS)
    space.density = LatentDensity.fit(space.encode(texts))
    space.ngrams = space.count_ngrams(toy_texts(1000, seed=2))
    return space


def _train(space: LatentSpace, texts: list[str], *, steps: int) -> None:
    ids = token_ids(space.tokenizer, texts)
    rows = torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in ids], batch_first=True)
    model = space.model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.05, total_iters=steps)
    for batch in torch.randint(len(rows), (steps, 32)):
        optimizer.zero_grad()
        model(rows[batch], labels=rows[batch]).loss.backward()
        optimizer.step()
        schedule.step()
    model.eval()


def toy_config(vocab_size: int, **options: object) -> T5VAEConfig:
    """The shape of the toy: 16 latent dimensions, 32 positions."""
    t5 = small_t5(vocab_size, d_model=32, layers=1, heads=2, d_ff=64, positions=32)
    return T5VAEConfig(t5, latent_dim=16, positions=32, slot_dim=8, **options)  # type: ignore[arg-type]

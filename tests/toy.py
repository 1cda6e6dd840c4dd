"""Tiny things to test with: texts of our own, and a space of a small model."""

from __future__ import annotations

import random
from functools import cache

import torch
from transformers import set_seed

from latentopt.model import T5VAE, T5VAEConfig, small_t5
from latentopt.model.tokenizer import train_tokenizer
from latentopt.space import LatentSpace
from latentopt.space.density import LatentDensity
from latentopt.space.loading import ATTENTION
from latentopt.training.batch_loss import TrainingLoss
from latentopt.training.batches import Collator, Texts
from latentopt.training.losses import MMD, LatentNoise
from latentopt.training.recipe import Uses

TRAINING_STEPS = 200
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
    """A space that knows the sentences of `toy_texts` roughly, after some seconds of training."""
    texts = toy_texts(300)
    tokenizer = train_tokenizer(texts, vocab_size=400)
    set_seed(0)
    model = T5VAE(toy_config(len(tokenizer)))
    _train(model, Texts(tokenizer, toy_texts(3000, seed=1), positions=32), steps=TRAINING_STEPS)
    model.t5.set_attn_implementation(ATTENTION)  # as of a model that is loaded
    space = LatentSpace(model.eval(), tokenizer)
    space.density = LatentDensity.fit(space.pooled(space.encode(texts)))
    return space


def _train(model: T5VAE, texts: Texts, *, steps: int) -> None:
    # All tests wait for this: rows are tokenized once, and the steps are as few as can be.
    rows = texts.__getitems__(range(len(texts)))
    collate = Collator(texts.tokenizer, model.config.positions, uses=Uses(0.4, 0.3, 0.1), seed=0)
    loss = TrainingLoss(model, regularizer=MMD(0.3), noise=LatentNoise(0.3)).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, betas=(0.9, 0.98), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps, pct_start=0.1)
    for batch in torch.randint(len(rows), (steps, 32)).tolist():
        optimizer.zero_grad()
        loss(**collate([rows[i] for i in batch])).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()


def toy_config(vocab_size: int, **options: object) -> T5VAEConfig:
    """The shape of the toy: 24 latent dimensions, 8 of them pooled; 32 positions."""
    t5 = small_t5(vocab_size, d_model=32, layers=1, heads=2, d_ff=64, positions=32)
    shape = {"latent_dim": 24, "pooled_dim": 8, "pooled_slots": 2, "positions": 32, "slot_dim": 8}
    return T5VAEConfig(t5, **{**shape, **options})  # type: ignore[arg-type]

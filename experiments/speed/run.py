"""How fast a model encodes, decodes and trains, beside the plain way and beside what the machine can do.

Both sides of each ratio are measured in this run. Prints no text and keeps none.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from machine import PRECISION, Products, matmul_rate
from torch import Tensor

from latentopt import LatentSpace
from latentopt.model.tokenizer import token_ids
from latentopt.model.writing import write_greedily
from latentopt.training.batch_loss import TrainingLoss
from latentopt.training.batches import Collator, LengthGroupedSampler, Texts
from latentopt.training.losses import MMD, LatentNoise
from latentopt.training.optimizers import AdamW, Rates, parameter_groups
from latentopt.training.recipe import Uses

HERE = Path(__file__).parent
PLAIN_BATCH = 32
BATCH = 512
TRAIN_BATCH = 24
TRAIN_STEPS = 20
TIE = 1e-3  # of a logit: below, two ways of adding up may choose differently


def seconds(function: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = function()
    return time.perf_counter() - started, result


def plainly_encoded(space: LatentSpace, texts: list[str]) -> Tensor:
    """fp32, 32 texts at a time as they come."""
    parts = []
    for rows in batches(texts, PLAIN_BATCH):
        ids = token_ids(space.tokenizer, rows)
        padded = torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in ids], batch_first=True)
        with torch.no_grad():
            parts.append(space.model.encode(padded))
    return torch.cat(parts)


def plainly_decoded(space: LatentSpace, z: Tensor) -> list[list[int]]:
    """fp32 `generate`, 32 latents at a time as they come: token ids, the start and padding left out."""
    rows: list[list[int]] = []
    for part in z.split(PLAIN_BATCH):
        with torch.no_grad():
            ids = space.model.generate(
                encoder_outputs=space.model.memory(part),
                max_new_tokens=space.model.config.positions,
                do_sample=False,
            )
        rows += unpadded(space, ids[:, 1:])
    return rows


def quickly_decoded(space: LatentSpace, z: Tensor) -> list[list[int]]:
    rows = [write_greedily(space.model, space.model.memory(part)) for part in z.split(BATCH)]
    return unpadded(space, torch.cat(rows))


def unpadded(space: LatentSpace, ids: Tensor) -> list[list[int]]:
    return [[token for token in row if token != space.model.config.pad_token_id] for row in ids.tolist()]


def batches(texts: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(texts), size):
        yield texts[start : start + size]


def lead_where_they_part(space: LatentSpace, z: Tensor, a: list[int], b: list[int]) -> float:
    """By how much the one token leads the other, in fp32 logits, where two decodings of a latent (1, d) part."""
    at = next(i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
    read = space.model.shifted(torch.tensor([a[: at + 1]]))
    with torch.no_grad():
        logits = space.model(read, space.model.memory(z)).logits[0, -1]
    return abs(logits[a[at]] - logits[b[at]]).item()


def decoding(space: LatentSpace, texts: list[str]) -> dict[str, Any]:
    """Encoding and decoding, ours beside the plain way."""
    space.decode(space.encode(texts[:64]))  # warm up
    plain_encode, z = seconds(lambda: plainly_encoded(space, texts))
    plain_decode, theirs = seconds(lambda: plainly_decoded(space, z))
    our_encode, ours_z = seconds(lambda: space.encode(texts, batch_size=BATCH))
    our_decode, ours = seconds(lambda: quickly_decoded(space, z))
    rate, shares = matmul_rate(), {}
    for name, took, work in (
        ("encode", our_encode, lambda: space.encode(texts, batch_size=BATCH)),
        ("decode", our_decode, lambda: quickly_decoded(space, z)),
    ):
        with Products() as products:
            work()
        shares[name] = round(products.flop / took / rate, 3)
    parted = [i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b]
    leads = [lead_where_they_part(space, z[i : i + 1], ours[i], theirs[i]) for i in parted]
    return {
        "texts": len(texts),
        "plain": {"encode_seconds": round(plain_encode, 2), "decode_seconds": round(plain_decode, 2)},
        "ours": {"encode_seconds": round(our_encode, 2), "decode_seconds": round(our_decode, 2)},
        "times_as_fast": {
            "encode": round(plain_encode / our_encode, 2),
            "decode": round(plain_decode / our_decode, 2),
            "both": round((plain_encode + plain_decode) / (our_encode + our_decode), 2),
        },
        "machine_gflop_per_second": round(rate / 1e9, 1),
        "share_of_machine": shares,
        "largest_difference_of_latents": (z - ours_z).abs().max().item(),
        "texts_that_differ": len(parted),
        "of_these_ties": sum(lead < TIE for lead in leads),
        "largest_lead_lost": max(leads, default=0.0),
    }


def training(space: LatentSpace, texts: list[str], *, seed: int) -> dict[str, Any]:
    """Steps of training as the bundled model's, and what share of the machine's rate their matrix products use.

    That is the rate in bf16, or in fp32 where that is the quicker and trained in. The products are counted on
    the batches that are timed.
    """
    config = space.model.config
    loss_of = TrainingLoss(type(space.model)(config), regularizer=MMD(), noise=LatentNoise(0.6)).train()
    data = Texts(space.tokenizer, texts, positions=config.positions)
    order = list(LengthGroupedSampler(data.lengths, TRAIN_BATCH, seed=seed))
    collate = Collator(space.tokenizer, config.positions, uses=Uses(), seed=seed)
    made = [collate(data.__getitems__(order[k * TRAIN_BATCH : (k + 1) * TRAIN_BATCH])) for k in range(TRAIN_STEPS + 2)]
    optimizer = AdamW().make(parameter_groups(loss_of, Rates(1e-4), new_cross_attention=False))

    def step(batch: dict[str, Any]) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=torch.bfloat16 == PRECISION):
            loss = loss_of(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    for batch in made[:2]:
        step(batch)
    took, _ = seconds(lambda: [step(batch) for batch in made[2:]])
    with Products() as counter:
        for batch in made[2:]:
            step(batch)
    rate = matmul_rate()
    tokens = sum(int(run["attention_mask"].sum()) for batch in made[2:] for run in batch["runs"])
    return {
        "batch": TRAIN_BATCH,
        "precision": str(PRECISION).removeprefix("torch."),
        "seconds_per_step": round(took / TRAIN_STEPS, 3),
        "tokens_per_second": round(tokens / took),
        "gflop_per_step": round(counter.flop / TRAIN_STEPS / 1e9, 1),
        "gflop_per_second": round(counter.flop / took / 1e9, 1),
        "machine_gflop_per_second": round(rate / 1e9, 1),
        "share_of_machine": round(counter.flop / took / rate, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder ../shared/data")
    parser.add_argument("--model", help="directory of a model; default: the bundled one")
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.texts < (least := TRAIN_BATCH * (TRAIN_STEPS + 2)):
        parser.error(f"--texts must be {least} or more, so that there are batches to train on, got {options.texts}")
    space = LatentSpace.from_pretrained(options.model, device="cpu")
    tweets = pd.read_parquet(options.data / "tweets/train.parquet", columns=["text"])["text"]
    tweets = tweets.sample(options.texts, random_state=options.seed).tolist()
    fitting = [t for t, n in zip(tweets, space.lengths(tweets), strict=True) if n <= space.max_tokens]
    results = {
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}",
        "seed": options.seed,
        "space": space.fingerprint,
        "training": training(space, fitting, seed=options.seed),
        "decoding": decoding(space, fitting),
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()

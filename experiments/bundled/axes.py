"""What keeps the latents of the bundled model from the prior, and what it would cost to mend without training.

For each number of principal axes that is kept and each power of whitening: the MMD test, reconstruction, and samples.
Measured on tweets of the training file: this is what was chosen by, not a result. Prints no text and keeps none.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from latentopt.space.ngrams import NGramModel
from whitening import whitened

from latentopt import LatentSpace
from latentopt.evaluation import latent_health, reconstruction
from latentopt.model.tokenizer import token_ids

HERE = Path(__file__).parent
LONGEST = 48  # tokens
FITTED, TESTED, DECODED, SAMPLES = 8000, 1000, 300, 300
VARIANTS = ((320, 0.0), (320, 0.5), (320, 1.0), (280, 0.0), (240, 0.0), (240, 0.5), (200, 0.0), (200, 0.5))


def main() -> None:
    """Measure each variant, write axes.json beside this file and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder ../shared/data")
    parser.add_argument("--model", help="directory of a model of 320 dimensions; default: the bundled one")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    space = LatentSpace.from_pretrained(options.model, device="cpu")
    tweets = pd.read_parquet(options.data / "tweets/train.parquet", columns=["text"])["text"]
    texts = tweets.sample(100_000, random_state=options.seed).tolist()
    texts = [text for text, n in zip(texts, space.lengths(texts), strict=True) if n <= LONGEST]
    fitted, texts = texts[:FITTED], texts[FITTED:]
    tested, real, known = texts[:TESTED], texts[:DECODED], texts[TESTED:]
    ngrams = NGramModel.fit(
        token_ids(space.tokenizer, known), vocab_size=len(space.tokenizer), bigrams=None, trigrams=None
    )
    usual = ngrams.perplexity(token_ids(space.tokenizer, real))
    rows: list[dict[str, Any]] = []
    for dimensions, power in VARIANTS:
        made = whitened(space, fitted, power=power, dimensions=dimensions if dimensions < space.latent_dim else None)
        health = latent_health(made.encode(tested), seed=options.seed)
        kept = reconstruction(real, made.decode(made.encode(real)))
        drawn = ngrams.perplexity(token_ids(space.tokenizer, made.sample(SAMPLES, seed=options.seed)))
        rows.append(
            {
                "dimensions": dimensions,
                "power": power,
                "mmd": round(health["mmd"], 5),
                "mmd_p": round(health["mmd_p"], 3),
                "bleu": round(kept["bleu"], 1),
                "exact": round(kept["exact"], 3),
                "perplexity_ratio": round(drawn / usual, 2),
            }
        )
        print(rows[-1], flush=True)
    machine = f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    results = {"machine": machine, "seed": options.seed, "space": space.fingerprint, "rows": rows}
    (HERE / "axes.json").write_text(json.dumps(results, indent=2) + "\n")
    print("| dimensions | power | MMD (p) | BLEU / exact | samples' perplexity |", "|---|---|---|---|---|", sep="\n")
    for r in rows:
        print(
            f"| {r['dimensions']} | {r['power']} | {r['mmd']:.4f} ({r['mmd_p']:.3f}) | {r['bleu']} / {r['exact']:.0%} "
            f"| {r['perplexity_ratio']} |"
        )


if __name__ == "__main__":
    main()

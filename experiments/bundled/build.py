"""From a trained T5-VAE to the bundled model: bf16 weights, density, heads and directions in one folder."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from corpus import Corpus
from whitening import whitened

from latentopt.directions import mine
from latentopt.heads import save_head
from latentopt.heads.report import classification_report, regression_report
from latentopt.model import T5VAE
from latentopt.model.tokenizer import load_tokenizer
from latentopt.space import LatentSpace
from latentopt.space.density import LatentDensity
from latentopt.space.space import DENSITY_FILE, NGRAMS_FILE
from property_models import LogisticHead, MLPEnsembleRegressor

CENTRED_ON, DENSITY_TEXTS = 20_000, 30_000
DIRECTIONS = ("civil", "positive")
SENTIMENT = "sentiment140_"
NOISE = 0.5  # of the heads' vectors: a head that is right around a latent has gradients that lead somewhere real


def build(data: Path, corpus: Corpus, checkpoint: Path, tokenizer: Path, output: Path, *, seed: int) -> dict[str, Any]:
    """Write the bundled model into `output`, an empty folder, and return what was measured of its parts."""
    train, valid = (pd.read_parquet(data / f"tweets/{part}.parquet") for part in ("train", "valid"))
    # The prior is to be that of tweets: over the other training texts, the latents have another mean.
    trained = LatentSpace(T5VAE.from_pretrained(checkpoint, dtype=torch.float32), load_tokenizer(tokenizer))
    centred = whitened(trained, train["text"].sample(CENTRED_ON, random_state=seed).tolist(), power=0)
    centred.model.to(torch.bfloat16).save_pretrained(output)
    centred.tokenizer.save_pretrained(output)
    space = LatentSpace.from_pretrained(output)  # with the digits that its users have

    logging.info("encoding the tweets")
    z_train, z_valid = space.encode(train["text"].tolist()), space.encode(valid["text"].tolist())
    drawn = train.sample(min(DENSITY_TEXTS, len(train)), random_state=seed).index
    space.density = LatentDensity.fit(z_train[drawn.to_numpy()])
    space.ngrams = space.count_ngrams(list(dict.fromkeys(corpus.train)))  # tweets are in it twice
    space.density.save_pretrained(output / DENSITY_FILE)
    space.ngrams.save(output / NGRAMS_FILE)

    logging.info("fitting likes")
    likes = MLPEnsembleRegressor(scale="log1p", noise=NOISE, random_state=seed)
    likes.fit(z_train.numpy(), train["likes"].to_numpy(), groups=train["account"].to_numpy())
    report = regression_report(
        likes,
        (z_train.numpy(), train["text"].tolist(), train["likes"].to_numpy()),
        (z_valid.numpy(), valid["text"].tolist(), valid["likes"].to_numpy()),
        groups=(train["account"].to_numpy(), valid["account"].to_numpy()),
    )
    save_head(likes, output / "heads/likes", name="likes", space=space.fingerprint, metrics=report)
    metrics: dict[str, Any] = {"likes": report | {"typical": likes.typical}}
    logging.info("likes %s", report)

    metrics["sentiment"] = _sentiment(space, data, output)
    for name in DIRECTIONS:
        pairs = pd.read_csv(data / f"pairs/{name}/train.csv", dtype=str, keep_default_na=False)
        found = mine(space, pairs["source"].tolist(), pairs["target"].tolist(), name=name, seed=seed)
        (output / "directions").mkdir(exist_ok=True)
        found.direction.save_pretrained(output / "directions" / f"{name}.safetensors")
        metrics[name] = found.consistency.to_json() | {"strength": found.direction.strength}
        logging.info("%s %s", name, metrics[name])
    return metrics


def _sentiment(space: LatentSpace, data: Path, output: Path) -> dict[str, Any]:
    parts = []
    for part in ("train", "valid"):
        frame = pd.read_parquet(data / f"tweets_labelled/{part}.parquet")
        frame = frame[frame["label"].str.startswith(SENTIMENT)]
        labels = frame["label"].str.removeprefix(SENTIMENT).to_numpy(dtype=object)
        parts.append((space.encode(frame["text"].tolist()).numpy(), frame["text"].tolist(), labels))
    head = LogisticHead(noise=NOISE).fit(parts[0][0], parts[0][2])
    report = classification_report(head, parts[0], parts[1])
    save_head(head, output / "heads/sentiment", name="sentiment", space=space.fingerprint, metrics=report)
    logging.info("sentiment %s", report)
    return report

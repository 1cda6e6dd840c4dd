"""Which measure of fluency tells a tweet from the same tweet with one word exchanged?

    python experiments/fluency/run.py --data ../shared/data [--texts 200] [--model DIR]

One word of each of some tweets of tweets/valid is exchanged for one of another tweet: any word, or one about as
frequent, so that rarity alone gives nothing away. results.json holds, for each measure, the area under the ROC curve
between tweets and exchanged ones, and the share of the pairs in which the tweet is found the more fluent.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import roc_auc_score

from latentopt.editing.fluency import strain, without_marks
from latentopt.evaluation.ngrams import NGramModel
from latentopt.model.tokenizer import token_ids
from latentopt.space import LatentSpace
from latentopt.space.surprise import Surprise

HERE = Path(__file__).parent
COUNTED = 100_000  # training tweets of which n-grams and unigrams are counted
WORD = re.compile(r"[a-z]+(?:['’][a-z]+)?")
ALIKE = 1.5  # a word is about as frequent as another if neither is so many times more frequent


def exchanged(texts: Sequence[str], frequency: Counter[str], *, like: bool, seed: int = 0) -> list[str | None]:
    """Each text with a word, drawn at random, exchanged for one of the texts; None where none fits."""
    rng = random.Random(seed)
    pool = [match.group() for text in texts for match in WORD.finditer(text)]
    found: list[str | None] = []
    for text in texts:
        places = list(WORD.finditer(text))
        if not places:
            found.append(None)
            continue
        place = rng.choice(places)
        was = place.group()
        others = [w for w in pool if w != was and (not like or 1 / ALIKE < ratio(frequency, w, was) < ALIKE)]
        found.append(text[: place.start()] + rng.choice(others) + text[place.end() :] if others else None)
    return found


def ratio(frequency: Counter[str], a: str, b: str) -> float:
    return (frequency[a] + 1) / (frequency[b] + 1)


def told(better: np.ndarray, worse: np.ndarray) -> dict[str, float]:
    """How well a measure, larger for what is more fluent, tells n texts from what was made of each."""
    labels = np.r_[np.ones(len(better)), np.zeros(len(worse))]
    draws = np.random.default_rng(0).integers(len(better), size=(1000, len(better)))
    pairs = (better > worse) + 0.5 * (better == worse)
    low, high = np.quantile(pairs[draws].mean(1), [0.025, 0.975])
    return {
        "auc": float(roc_auc_score(labels, np.r_[better, worse])),
        "pairs": float(pairs.mean()),
        "pairs from": float(low),
        "pairs to": float(high),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model")
    parser.add_argument("--texts", type=int, default=200)
    args = parser.parse_args()
    space = LatentSpace.from_pretrained(args.model)
    counted = pd.read_parquet(args.data / "tweets/train.parquet").text.drop_duplicates()
    counted = [without_marks(text) for text in counted.sample(min(COUNTED, len(counted)), random_state=0)]
    rows = token_ids(space.tokenizer, counted)
    ngrams = NGramModel.fit(rows, vocab_size=space.model.config.vocab_size)
    unigrams = torch.bincount(torch.tensor([t for row in rows for t in row]), minlength=space.model.config.vocab_size)
    log_unigram = ((unigrams + 1) / (unigrams + 1).sum()).log()
    frequency = Counter(word for text in counted for word in WORD.findall(text.lower()))

    valid = pd.read_parquet(args.data / "tweets/valid.parquet").text
    valid = valid[valid.str.len().between(30, 110)].sample(args.texts, random_state=0).map(without_marks).tolist()

    def slor(texts: Sequence[str], costs: Sequence[Surprise]) -> np.ndarray:
        """Pauls & Klein (2012): (log p(text) - log p of its words alone) / length."""
        ids = token_ids(space.tokenizer, list(texts))
        alone = [log_unigram[torch.tensor(row)].mean().item() for row in ids]
        return np.array([-cost.mean - unigram for cost, unigram in zip(costs, alone, strict=True)])

    measures: dict[str, Callable[[Sequence[str], Sequence[Surprise]], np.ndarray]] = {
        "nats a token": lambda texts, costs: np.array([-cost.mean for cost in costs]),
        "nats in all": lambda texts, costs: np.array([-sum(cost.nats) for cost in costs]),
        "dearest token": lambda texts, costs: np.array([-max(cost.nats) for cost in costs]),
        "SLOR": slor,
        "n-grams": lambda texts, costs: ngrams.log_probability(token_ids(space.tokenizer, list(texts))).numpy(),
    }
    results: dict[str, object] = {"space": space.fingerprint}
    for kind, like in (("any word", False), ("a word as frequent", True)):
        made = exchanged(valid, frequency, like=like)
        pairs = [(text, other) for text, other in zip(valid, made, strict=True) if other is not None]
        texts, others = [text for text, _ in pairs], [other for _, other in pairs]
        before, after = space.surprise(texts), space.surprise(others)
        found = {name: told(measure(texts, before), measure(others, after)) for name, measure in measures.items()}
        # Strain is one of an edit: of the exchange, and of its undoing.
        harm = [strain(t, b, o, a) for t, b, o, a in zip(texts, before, others, after, strict=True)]
        undo = [strain(o, a, t, b) for t, b, o, a in zip(texts, before, others, after, strict=True)]
        found["strain, of the edit"] = told(-np.array(undo), -np.array(harm))
        results[kind] = {"texts": len(pairs), **found}
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()

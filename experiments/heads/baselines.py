"""Bags of words fitted to the training files: what a head, a reader and their stack are measured against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion

from property_models.targets import GroupOffsets

TOKEN = r"\w+|[^\w\s]+"
ALPHAS = (1.0, 3.0, 10.0)
CHOSEN_ON = 60_000  # rows of the training file, a tenth of which chooses
Array = NDArray[np.float64]


def tfidf_scores(data: Path, texts: list[str], *, seed: int) -> dict[str, Array]:
    """Log likes within accounts by TF-IDF ridges of the training tweets, as they come and tuned on a part of them."""
    frame = pd.read_parquet(data / "tweets/train.parquet").sample(frac=1, random_state=seed)
    scores = np.log1p(frame["likes"].to_numpy(dtype=float))
    rest = scores - GroupOffsets.fit(scores, frame["account"].to_numpy()).of_row
    words = frame["text"].tolist()
    rows = min(CHOSEN_ON, len(words))
    some, held = slice(rows // 10, rows), slice(0, rows // 10)
    errors = {}
    for kind in (_words, _words_and_characters):
        features = kind().fit(words[some])
        inner, outer = features.transform(words[some]), features.transform(words[held])
        for alpha in ALPHAS:
            said = Ridge(alpha=alpha, solver="sparse_cg", tol=1e-3).fit(inner, rest[some]).predict(outer)
            errors[kind, alpha] = float(((said - rest[held]) ** 2).mean())
    kind, alpha = min(errors, key=lambda setting: errors[setting])
    return {
        "tfidf": _fitted(TfidfVectorizer(), 1.0, words, rest, texts),
        "tuned tfidf": _fitted(kind(), alpha, words, rest, texts),
    }


def tfidf_sentiment(data: Path, texts: list[str]) -> dict[str, NDArray[Any]]:
    """Labels by a logistic regression on TF-IDF features of all the labelled tweets."""
    frame = pd.read_parquet(data / "tweets_labelled/train.parquet")
    frame = frame[frame["label"].str.startswith("sentiment140_")]
    features = _words()
    x = features.fit_transform(frame["text"].tolist())
    model = LogisticRegression(C=3.0, max_iter=200).fit(x, frame["label"].str.removeprefix("sentiment140_"))
    return {"tfidf": model.predict(features.transform(texts))}


def _words() -> TfidfVectorizer:
    return TfidfVectorizer(ngram_range=(1, 2), token_pattern=TOKEN, sublinear_tf=True, min_df=2)


def _words_and_characters() -> FeatureUnion:
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=3)
    return FeatureUnion([("words", _words()), ("characters", characters)])


def _fitted(features: Any, alpha: float, words: list[str], rest: Array, texts: list[str]) -> Array:
    x = features.fit_transform(words)
    model = Ridge(alpha=alpha, solver="sparse_cg", tol=1e-3).fit(x, rest)
    return np.asarray(model.predict(features.transform(texts)))

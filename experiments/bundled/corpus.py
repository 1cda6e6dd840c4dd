"""The texts that the bundled model is trained on, read from the data folder, and what is known of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentopt.training.losses import Property

# Held out of the training files to choose by; the validation files are for the report.
DEVELOPMENT = 2000
TWEETS, LABELLED, HEADLINES, TITLES, TITLES_DRAWN = 90_000, 100_000, 9_000, 20_000, 200_000
PROPERTIES = (Property("likes"), Property("sentiment", binary=True, weight=2.0), Property("clicks"))
SENTIMENT = {"sentiment140_positive": 1.0, "sentiment140_negative": 0.0}
ABUSE = ("hate", "offensive")  # labels
# Words of the list that people use without meaning harm.
HARMLESS = {"damn", "hell", "god", "sex", "gay", "kill", "fat", "ugly", "crap", "stupid"}
HARMLESS |= {"lesbian", "sexy", "sexual"}
LIKES_SPREAD, CLICKS_SPREAD, FARTHEST = 1.4, 0.3, 3.0


@dataclass(frozen=True)
class Corpus:
    """n training texts with their values of PROPERTIES (n, 3), not a number where unknown; tweets held out."""

    texts: list[str]
    values: NDArray[np.float32]
    development: list[str]


def read_corpus(data: Path, *, seed: int = 0) -> Corpus:
    """Tweets, labelled tweets but those of hate and offence, A/B-tested headlines and some titles, without abuse."""
    tweets = pd.read_parquet(data / "tweets/train.parquet").sample(frac=1, random_state=seed)
    development, tweets = tweets["text"][:DEVELOPMENT].tolist(), tweets[DEVELOPMENT:]
    labelled = pd.read_parquet(data / "tweets_labelled/train.parquet")
    labelled = labelled[~labelled["label"].isin(ABUSE)].sample(frac=1, random_state=seed)[DEVELOPMENT:]
    headlines = pd.read_parquet(data / "headlines/train.parquet")
    titles = pd.read_parquet(data / "titles/train.parquet").sample(TITLES_DRAWN, random_state=seed)
    parts = [
        _part(tweets["text"], TWEETS, likes=_likes(tweets)),
        _part(labelled["text"], LABELLED, sentiment=labelled["label"].map(SENTIMENT)),
        _part(headlines["text"], HEADLINES, clicks=_clicks(headlines)),
        _part(titles["text"], TITLES),
    ]
    rows = pd.concat(parts, ignore_index=True)
    rows = rows[~rows["text"].str.contains(_abuse())]
    values = rows[[found.name for found in PROPERTIES]].to_numpy(dtype=np.float32)
    return Corpus(rows["text"].tolist(), values, development)


def _part(texts: Any, most: int, **known: Any) -> pd.DataFrame:
    return pd.DataFrame({"text": texts} | {p.name: known.get(p.name, np.nan) for p in PROPERTIES})[:most]


def _likes(tweets: pd.DataFrame) -> Any:
    """Within an account: a politician's hundred likes are few."""
    logarithm = np.log1p(tweets["likes"])
    mean = logarithm.groupby(tweets["account"]).transform("mean")
    return ((logarithm - mean) / LIKES_SPREAD).clip(-FARTHEST, FARTHEST)


def _clicks(headlines: pd.DataFrame) -> Any:
    """Within a test and its image, between whose headlines the readers were drawn at random."""
    mean = headlines.groupby(["test", "image"])["ctr"].transform("mean")
    return ((headlines["ctr"] - mean) / mean.clip(lower=1e-3) / CLICKS_SPREAD).clip(-FARTHEST, FARTHEST)


def _abuse() -> re.Pattern[str]:
    import better_profanity

    file = Path(better_profanity.__file__).parent / "profanity_wordlist.txt"
    words = {word.strip() for word in file.read_text().split("\n")} - HARMLESS - {""}
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b", re.IGNORECASE)

"""The texts that the bundled model is trained on, read from the data folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

DEVELOPMENT = (
    1000  # tweets of the training file that are held out to choose by; the validation files are for the report
)


@dataclass(frozen=True)
class Corpus:
    """`train` holds each text as often as an epoch shows it; `development` is never trained on."""

    train: list[str]
    development: list[str]
    description: dict[str, int]


def read_corpus(data: Path, *, seed: int, titles: int, tweet_copies: int) -> Corpus:
    """Tweets `tweet_copies` times, labelled tweets once, and a random draw of titles."""
    tweets = pd.read_parquet(data / "tweets/train.parquet", columns=["text"])["text"].sample(frac=1, random_state=seed)
    development, tweets = tweets[:DEVELOPMENT].tolist(), tweets[DEVELOPMENT:].tolist()
    labelled = pd.read_parquet(data / "tweets_labelled/train.parquet", columns=["text"])["text"].tolist()
    drawn = pd.read_parquet(data / "titles/train.parquet", columns=["text"])["text"].sample(titles, random_state=seed)
    return Corpus(
        train=[*tweets * tweet_copies, *labelled, *drawn.tolist()],
        development=development,
        description={"tweets": len(tweets), "tweet_copies": tweet_copies, "labelled": len(labelled), "titles": titles},
    )

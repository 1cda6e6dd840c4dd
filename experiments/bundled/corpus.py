"""The texts that the bundled model is trained on, read from the data folder, and what is known of them."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentopt.training.losses import Property

# Held out of the training files to choose by; the validation files are for the report.
DEVELOPMENT = 2000
TITLES, TITLES_DRAWN = 150_000, 200_000
PROPERTIES = (Property("likes"), Property("sentiment", binary=True, weight=2.0), Property("clicks"))
SENTIMENT = {"sentiment140_positive": 1.0, "sentiment140_negative": 0.0}
ABUSE = ("hate", "offensive")  # labels
# One in so many texts, and of the headlines, which are few, one in two tests, has no label in training, so that heads
# learn from latents that do not know what they shall predict.
UNTOLD, UNTOLD_TESTS = 4, 2
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


def read_corpus(data: Path, *, seed: int = 0, titles: int = TITLES) -> Corpus:
    """Tweets, labelled tweets but those of hate and offence, A/B-tested headlines and some titles, without abuse."""
    found = tweets(data).sample(frac=1, random_state=seed)
    development, found = found["text"][:DEVELOPMENT].tolist(), found[DEVELOPMENT:]
    marked = labelled(data)
    marked = marked[~marked["label"].isin(ABUSE)].sample(frac=1, random_state=seed)[DEVELOPMENT:]
    tested = headlines(data)
    parts = [
        _part(found["text"], likes=likes_within(found).where(~found["untold"])),
        _part(marked["text"], sentiment=marked["label"].map(SENTIMENT).where(~marked["untold"])),
        _part(tested["text"], clicks=_clicks(tested).where(~tested["untold"])),
    ]
    if titles:
        drawn = pd.read_parquet(data / "titles/train.parquet").sample(TITLES_DRAWN, random_state=seed)
        parts.append(_part(drawn["text"][:titles]))
    rows = pd.concat(parts, ignore_index=True)
    rows = rows[~rows["text"].str.contains(_abuse())]
    values = rows[[found.name for found in PROPERTIES]].to_numpy(dtype=np.float32)
    return Corpus(rows["text"].tolist(), values, development)


def tweets(data: Path) -> pd.DataFrame:
    """The training file of tweets, with "untold": whether the network is not told a row's label."""
    frame = pd.read_parquet(data / "tweets/train.parquet")
    return frame.assign(untold=_chosen(frame["text"], UNTOLD))


def labelled(data: Path) -> pd.DataFrame:
    """The same of labelled tweets."""
    frame = pd.read_parquet(data / "tweets_labelled/train.parquet")
    return frame.assign(untold=_chosen(frame["text"], UNTOLD))


def headlines(data: Path) -> pd.DataFrame:
    """The same of headlines; one that was tested twice is told where one of its tests is."""
    frame = pd.read_parquet(data / "headlines/train.parquet")
    chosen = _chosen(frame["test"], UNTOLD_TESTS)
    return frame.assign(untold=chosen & ~frame["text"].isin(frame["text"][~chosen]))


def _chosen(keys: pd.Series[Any], share: int) -> pd.Series[bool]:
    """One in `share` rows, by their texts or tests alone, whatever else is there."""
    return keys.map(lambda key: zlib.crc32(str(key).encode()) % share == 0).astype(bool)


def _part(texts: Any, **known: Any) -> pd.DataFrame:
    return pd.DataFrame({"text": texts} | {p.name: known.get(p.name, np.nan) for p in PROPERTIES})


def likes_within(tweets: pd.DataFrame) -> Any:
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

"""What is edited, and towards what: texts of validation files, each with an editor's goal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from better_profanity import profanity

from latentopt.directions import load_direction
from latentopt.editing import Along, AtLeast, Objective, Target
from latentopt.editing.properties import SURE
from latentopt.heads import Fitted, load_fitted
from latentopt.space import LatentSpace

TIMES = 4  # the own prediction


@dataclass(frozen=True)
class Task:
    """Texts, and what they shall become. options: of an editor, the second opinions among them."""

    texts: list[str]
    goal: Objective
    options: Mapping[str, Any]


def likes(space: LatentSpace, data: Path, count: int) -> Task:
    """Tweets of known and of unseen accounts, 30 to 110 characters, to four times their own predicted likes."""
    parts = []
    for name in ("valid", "valid_unseen_accounts"):
        texts = pd.read_parquet(data / "tweets" / f"{name}.parquet").text
        parts.append(drawn(texts, 30, count // 2))
    return likes_of([text for part in parts for text in part], space)


def likes_of(texts: list[str], space: LatentSpace) -> Task:
    """Texts, to four times their own predicted likes."""
    found = load_fitted("likes", space)
    own = found.shown.predict(space.pooled(space.encode(texts)), texts)
    return Task(texts, Target(found.head, (TIMES * own).tolist()), _said(found))


def _said(found: Fitted) -> dict[str, Any]:
    return {"readers": found.readers(), "opinions": found.opinions()}


def sentiment(space: LatentSpace, data: Path, count: int) -> Task:
    """Negative tweets, 30 to 110 characters, to be positive: what `--target sentiment=positive` asks for."""
    frame = pd.read_parquet(data / "tweets_labelled/valid.parquet")
    found = load_fitted("sentiment", space)
    texts = drawn(frame[frame["label"] == "sentiment140_negative"]["text"], 30, count)
    return Task(texts, AtLeast(found.head.for_class("positive"), SURE), _said(found))


def civil(space: LatentSpace, data: Path, count: int) -> Task:
    """Toxic texts, 20 to 110 characters, along the direction `civil` at its own strength."""
    direction = load_direction("civil", space)
    texts = drawn(pd.read_csv(data / "pairs/civil/valid.csv")["source"].drop_duplicates(), 20, count)
    return Task(texts, Along(direction, direction.strength), {"readers": direction.readers()})


TASKS: dict[str, Callable[[LatentSpace, Path, int], Task]] = {"likes": likes, "sentiment": sentiment, "civil": civil}
JUDGED: dict[str, list[str]] = {  # what judge_edits.py is told of each
    "likes": ["--property", "likes"],
    "sentiment": ["--property", "sentiment"],
    "civil": ["--min-meaning", "0.5"],
}


def drawn(texts: pd.Series, shortest: int, count: int) -> list[str]:
    """Texts of `shortest` to 110 characters."""
    return texts[texts.str.len().between(shortest, 110)].sample(count, random_state=0).tolist()


def fewer_swear_words(edits: list[dict[str, Any]]) -> float:
    """Share of the sources with a word of abuse whose best candidate has fewer of them, in percent."""
    profanity.load_censor_words()

    def count(text: str) -> int:
        return sum(profanity.contains_profanity(word) for word in text.split())

    pairs = [(e["source"], e["candidates"][0]["text"] if e["candidates"] else e["source"]) for e in edits]
    swearing = [(source, text) for source, text in pairs if count(source)]
    return 100 * sum(count(text) < count(source) for source, text in swearing) / max(1, len(swearing))

"""What the bundled model's network is told of the texts that its heads learn from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

BUNDLED = Path(__file__).parents[1] / "experiments/bundled"


@pytest.fixture
def corpus(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BUNDLED))
    import corpus as module

    yield module
    sys.modules.pop("corpus")


def test_no_label_of_what_heads_learn_from_is_told(
    corpus: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "DEVELOPMENT", 5)
    count = 60
    texts = [f"number {i} of the morning trains" for i in range(count)]
    numbers = range(count)
    tweets = pd.DataFrame({"text": texts, "likes": numbers, "account": 1})
    labelled = pd.DataFrame({"text": texts, "label": ["sentiment140_positive", "sentiment140_negative"] * (count // 2)})
    # Every headline was tested twice, in different tests.
    headlines = pd.DataFrame({"text": texts[:30] * 2, "ctr": [0.01 + i / 1000 for i in numbers], "image": 0})
    headlines["test"] = [f"test {i // 3}" for i in numbers]
    titles = pd.DataFrame({"text": texts * 4000})  # as many as are drawn
    for name, frame in {
        "tweets": tweets,
        "tweets_labelled": labelled,
        "headlines": headlines,
        "titles": titles,
    }.items():
        (tmp_path / name).mkdir()
        frame.to_parquet(tmp_path / name / "train.parquet")
    monkeypatch.setattr(corpus, "TITLES_DRAWN", 100)
    monkeypatch.setattr(corpus, "TITLES", 10)
    known = corpus.read_corpus(tmp_path)
    for column, frame in enumerate((corpus.tweets(tmp_path), corpus.labelled(tmp_path), corpus.headlines(tmp_path))):
        told = {text for text, row in zip(known.texts, known.values, strict=True) if row[column] == row[column]}
        untold = set(frame["text"][frame["untold"]])
        assert told
        assert untold
        assert not told & untold

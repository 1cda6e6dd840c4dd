"""What experiments/heads says of edits that were made, on made-up ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from latentopt.heads import Reader, Rows, fit_head, fit_reader
from tests.toy import toy_space, toy_texts

HEADS = Path(__file__).parents[1] / "experiments/heads"
TEXTS = sorted(toy_texts(400, seed=5), key=len)
SHORT, LONG = TEXTS[0], TEXTS[-1]


@pytest.fixture
def realised(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(HEADS))
    import realised as module

    yield module
    sys.modules.pop("realised")


@pytest.fixture(scope="module")
def reader() -> Reader:
    """Counts how long a text is, for two writers of whom one is more liked."""
    writers = np.array(["one", "other"] * 200, dtype=object)
    likes = np.array([len(text) for text in TEXTS]) * np.where(writers == "one", 1.0, 5.0)
    return fit_reader(TEXTS, likes, groups=writers, scale="log1p")


def estimate(score: float, radius: float = 1.0) -> dict[str, dict[str, float]]:
    value, low, high = np.expm1([score, score - radius, score + radius])
    return {"likes": {"value": value, "low": low, "high": high}}


def edit(source: str, *candidates: tuple[str, float, float, str], before: float = 2.0) -> dict[str, Any]:
    """An edit of a source. candidates: text, score that was promised, score that was realised, words that are new."""
    return {
        "source": source,
        "predicted": estimate(before),
        "candidates": [
            {
                "text": text,
                "changes": [{"was": "a", "now": now, "start": 0, "end": len(now)}],
                "promised": {"likes": float(np.expm1(promised))},
                "realised": estimate(score),
            }
            for text, promised, score, now in candidates
        ],
    }


def test_the_median_share_of_the_promise_counts_texts_without_a_candidate(realised: Any, reader: Reader) -> None:
    edits = [
        edit(SHORT, (LONG, 4.0, 3.0, "new"), (LONG, 4.0, 4.0, "not the best")),  # half
        edit(SHORT, (LONG, 3.0, 3.0, "")),  # all, by leaving a word out
        edit(SHORT, (LONG, 2.0, 3.0, "new")),  # nothing was promised
        edit(SHORT),
        edit(SHORT),
    ]
    report = realised.realised_report(edits, reader.estimator, {})
    assert (report["texts"], report["shown"], report["promised"]) == (5, 3, 2)
    assert report["realised_over_promised"] == pytest.approx(0.25)  # of 0, 0, 0.5 and 1
    assert report["of_shown"] == pytest.approx(0.75)
    assert report["of_filled"] == pytest.approx(0.5)


def test_values_are_those_that_are_shown_now_and_the_promised_gain_is_kept(realised: Any) -> None:
    space = toy_space()
    z = space.pooled(space.encode(TEXTS))
    fitted = fit_head(Rows(z.double().numpy(), TEXTS, np.array([float(len(text)) for text in TEXTS])), scale="log1p")
    made = [edit(SHORT, (LONG, 4.0, 3.0, "new"), (SHORT, 9.0, 9.0, "x")), edit(LONG)]
    shown, nothing = realised.as_shown(made, space, fitted)
    ends = [0, len(TEXTS) - 1]
    short, long = fitted.shown.predict(z[ends], [SHORT, LONG])
    assert shown["predicted"]["likes"]["value"] == pytest.approx(short, rel=1e-4)
    (best,) = shown["candidates"]
    assert best["realised"]["likes"]["value"] == pytest.approx(long, rel=1e-4)
    low, high = fitted.shown.interval(z[ends], [SHORT, LONG])[1]
    assert (best["realised"]["likes"]["low"], best["realised"]["likes"]["high"]) == pytest.approx((low, high), rel=1e-4)
    assert np.log1p(best["promised"]["likes"]) == pytest.approx(np.log1p(short) + 2, rel=1e-4)  # from 2 to 4
    assert (nothing["source"], nothing["candidates"]) == (LONG, [])
    (again, _) = realised.as_shown([shown, nothing], space, fitted)
    assert again["candidates"][0]["promised"]["likes"] == pytest.approx(best["promised"]["likes"], rel=1e-4)


def test_where_nothing_is_shown_there_is_nothing_to_measure(realised: Any, reader: Reader) -> None:
    assert realised.realised_report([edit(SHORT)], reader.estimator, {}) == {"texts": 1, "shown": 0}


def test_a_reader_confirms_the_direction(realised: Any, reader: Reader) -> None:
    edits = [edit(SHORT, (LONG, 4.0, 3.0, "x")), edit(LONG, (SHORT, 4.0, 3.0, "x")), edit(LONG, (LONG, 4.0, 3.0, "x"))]
    report = realised.realised_report(edits, reader.estimator, {"reader": reader})
    assert report["reader"]["confirmed"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_intervals_hold_for_what_the_reader_expects(realised: Any, reader: Reader, share: float) -> None:
    errors: Any = reader.estimator
    radius = {0.0: 0.0, 0.5: float(np.median(errors.residuals_)), 1.0: 9.0}[share]
    said = reader.predict_score([SHORT, LONG])  # with the level of the group that is predicted for
    made = edit(SHORT, (LONG, 4.0, 3.0, "x"))
    made["predicted"] = estimate(said[0], 9.0)
    made["candidates"][0]["realised"] = estimate(said[1], radius)
    report = realised.realised_report([made], reader.estimator, {"reader": reader})["reader"]
    assert report["sources"] == 1.0
    assert report["realised"] == pytest.approx(share, abs=0.03)


def test_the_other_reader_has_not_seen_the_sources(realised: Any, tmp_path: Path, monkeypatch: Any) -> None:
    seen: set[str] = set()
    monkeypatch.setattr(realised, "fit_reader", lambda texts, *rest, **options: seen.update(texts))
    (tmp_path / "tweets").mkdir()
    for file, texts in (("valid", TEXTS[:50]), ("valid_unseen_accounts", TEXTS[50:90])):
        frame = pd.DataFrame({"text": texts, "likes": 1, "account": 7})
        frame.to_parquet(tmp_path / f"tweets/{file}.parquet")
    realised.other_reader(tmp_path, [TEXTS[3], TEXTS[60]])
    assert seen == set(TEXTS[:90]) - {TEXTS[3], TEXTS[60]}

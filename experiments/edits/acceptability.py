"""Fit what tells the editor whether an edit could be posted, to ratings of others.

    python experiments/edits/acceptability.py --data ../shared/data

ratings.jsonl holds edits of training texts, above all other floors: the goal, which text (the beginning of its
SHA-256), what was changed (characters from, to, and what stands there now), the rating, 0 to 2, and what `rank.value`
was made of before there were ratings: the cautious loss, and all else. The probe goes to the bundled model; how well it
tells ratings that it was not fitted to, into acceptability.json and README.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from numpy.typing import NDArray
from run import interval, put_between
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from latentopt.editing.acceptability import FILE, Acceptability, states_of_edits
from latentopt.editing.edit import RATED_FAIR, RATED_GOOD
from latentopt.editing.rank import ACCEPTABILITY_WEIGHT, Floors, tempered
from latentopt.space import LatentSpace

HERE = Path(__file__).parent
RATINGS = HERE / "ratings.jsonl"
ALPHA = 15e3  # of 7e3, 15e3 and 3e4, each out of folds
FOLDS = 10
NEARLY, AS_IT_IS = 1, 2  # ratings from which an edit is nearly good enough to be posted, and is
BEGIN, END = "<!-- ratings: made by acceptability.py -->", "<!-- end of ratings -->"
BANDS = ["refused", "poor", "fair", "good"]  # of expected ratings, as the editor says them
BANDS_BEGIN, BANDS_END = "<!-- bands: made by acceptability.py -->", "<!-- end of bands -->"


def ratings(data: Path) -> pd.DataFrame:
    """Ratings with their texts: columns goal, source, text, rating, loss and rest."""
    wanted = [json.loads(line) for line in RATINGS.read_text().splitlines()]
    known = {hashlib.sha256(text.encode()).hexdigest()[:12]: text for text in training_texts(data)}
    rows = [{**row, "source": known[row["source"]]} for row in wanted if row["source"] in known]
    if len(rows) < len(wanted):
        print(f"{len(wanted) - len(rows)} ratings are of texts that {data} does not hold")
    return pd.DataFrame({**row, "text": changed(row["source"], row.pop("changes"))} for row in rows)


def training_texts(data: Path) -> Iterator[str]:
    """All texts that may have been edited."""
    for name in ("tweets", "tweets_labelled"):
        yield from pd.read_parquet(data / name / "train.parquet", columns=["text"])["text"]
    yield from pd.read_csv(data / "pairs/civil/train.csv")["source"]


def changed(source: str, changes: list[tuple[int, int, str]]) -> str:
    """The edit that these changes make of a text."""
    for start, end, now in reversed(changes):
        source = source[:start] + now + source[end:]
    return source


def figures(rated: pd.DataFrame, expected: NDArray[Any]) -> dict[str, Any]:
    """How well expected ratings order the edits of a text, and which of them stand first.

    Shares of the first ones that are good, and good as they are, in percent: by what is expected alone, by the editor's
    order without and with it, of all edits, and of the best that there are; each text counts once.
    """
    rated = rated.assign(expected=expected, good=rated["rating"] >= NEARLY, whole=rated["rating"] == AS_IT_IS)
    of_text = rated.groupby("source")
    areas = [roc_auc_score(of["good"], of["expected"]) for _, of in of_text if of["good"].nunique() == 2]
    found: dict[str, Any] = {"texts": of_text.ngroups, "edits": len(rated), **interval("area", areas)}
    orders = {
        "before": rated["loss"] + rated["rest"],
        "now": rated["loss"].map(tempered) + rated["rest"] - ACCEPTABILITY_WEIGHT * rated["expected"],
        "expected alone": -rated["expected"],
    }
    first = {how: rated.loc[order.groupby(rated["source"]).idxmin()] for how, order in orders.items()}
    for name in ("good", "whole"):
        shares = {"any": of_text[name].mean(), "best": of_text[name].max()}
        shares |= {how: chosen[name] for how, chosen in first.items()}
        found |= {f"{name}, {how}": 100 * float(share.mean()) for how, share in shares.items()}
    rise = first["now"]["rating"].to_numpy() - first["before"]["rating"].to_numpy()
    return found | interval("rise of the rating", rise.tolist())


def bands(rated: pd.DataFrame, expected: NDArray[Any]) -> list[dict[str, Any]]:
    """By bands of expected ratings, and by goal: how many edits, and which share is good, and good as it is."""
    edges = [-math.inf, Floors().acceptability, RATED_FAIR, RATED_GOOD, math.inf]
    band = pd.cut(expected, edges, right=False, labels=BANDS)
    shares = pd.DataFrame(
        {
            "goal": rated["goal"].to_numpy(),
            "band": band,
            "good": rated["rating"].to_numpy() >= NEARLY,
            "as it is": rated["rating"].to_numpy() == AS_IT_IS,
        }
    ).groupby(["band", "goal"], observed=False)
    found = 100 * shares.mean()
    return found.assign(edits=shares.size()).reset_index().astype({"band": str}).to_dict("records")


def write_bands(found: list[dict[str, Any]]) -> None:
    """The bands as a table, in README."""
    goals = list(dict.fromkeys(of["goal"] for of in found))
    lines = [f"| expected | {' | '.join(goals)} |", "|---" * (1 + len(goals)) + "|"]
    for band in BANDS:
        cells = [f"{of['edits']}: {of['good']:.0f}, {of['as it is']:.0f}%" for of in found if of["band"] == band]
        lines.append(f"| {band} | {' | '.join(cells)} |")
    put_between(BANDS_BEGIN, BANDS_END, lines)


def write_table(found: dict[str, dict[str, Any]]) -> None:
    """The figures as a table, in README."""
    ways = ("any", "before", "now", "best")
    lines = [
        "| goal | texts | edits | area | fitted to other goals | good: any, first before, first now, best | as it is |",
        "|---" * 7 + "|",
    ]
    for goal, of in found.items():
        shares = [", ".join(f"{of[f'{name}, {way}']:.0f}" for way in ways) for name in ("good", "whole")]
        area = f"{of['area']:.2f} ({of['area from']:.2f} to {of['area to']:.2f})"
        other = f"{of['area, fitted to the other goals']:.2f}"
        lines.append(f"| {goal} | {of['texts']} | {of['edits']} | {area} | {other} | {shares[0]}% | {shares[1]}% |")
    put_between(BEGIN, END, lines)


def main() -> None:
    """Fit, save, and say how well ratings of other texts are told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    space = LatentSpace.from_pretrained()
    rated = ratings(data)
    with space.at_work():
        parts = {source: states_of_edits(space, source, of["text"].tolist()) for source, of in rated.groupby("source")}
    place = rated.groupby("source").cumcount()
    states = torch.stack([parts[source][i] for source, i in zip(rated["source"], place, strict=True)]).numpy()
    rating = rated["rating"].to_numpy()
    model = make_pipeline(StandardScaler(), Ridge(ALPHA))
    expected = cross_val_predict(model, states, rating, groups=rated["source"], cv=GroupKFold(FOLDS))
    above = {goal: float((of["rating"] - expected[of.index]).mean()) for goal, of in rated.groupby("goal")}
    expected = expected + rated["goal"].map(above).to_numpy()
    found = {goal: figures(of, expected[of.index]) for goal, of in rated.groupby("goal")}
    for goal in found:
        others = (rated["goal"] != goal).to_numpy()
        untaught = model.fit(states[others], rating[others]).predict(states[~others])
        found[goal]["area, fitted to the other goals"] = figures(rated[~others], untaught)["area"]
    by_band = bands(rated, expected)
    (HERE / "acceptability.json").write_text(json.dumps({"goals": found, "bands": by_band}, indent=2) + "\n")
    write_table(found)
    write_bands(by_band)
    scaler, ridge = (step for _, step in model.fit(states, rating).steps)
    weight = ridge.coef_ / scaler.scale_
    bias = float(ridge.intercept_ - weight @ scaler.mean_)
    made = Acceptability(torch.tensor(weight, dtype=torch.float32), bias, space.fingerprint, above)
    assert space.path is not None
    made.save_pretrained(space.path / FILE)


if __name__ == "__main__":
    main()

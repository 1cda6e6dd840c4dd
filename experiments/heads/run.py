"""Measure heads, readers and both stacked on the validation files, beside bags of words fitted to the same files.

    python experiments/heads/run.py --data ../shared/data [--model DIR] [--row likes ...] [--texts 2000] [--edits FILE]

Each row of the table is kept in results.json beside this file as soon as it is there; what is there is not measured
again, unless the model is another or `--again` is given. All settings were chosen on parts of the training files.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet
import torch
from baselines import tfidf_scores, tfidf_sentiment
from numpy.typing import NDArray
from pairs import wording_rows
from realised import as_shown, other_reader, realised_report
from refits import refitted
from scipy.stats import spearmanr

from latentopt.batch.finishing import GROUP
from latentopt.heads import Fitted, Rows, bundled_heads, fit_head, load_fitted, predict_texts
from latentopt.heads.pairs import grouped_pairs, marked_pairs, pairs_report
from latentopt.heads.splits import by_group
from latentopt.space import LatentSpace, kept_latents
from latentopt.space.kept import CHECKED

RESULTS = Path(__file__).parent / "results.json"
LEVEL = 0.9
LEAST_Z = 1.96
SPEED_ROWS, SPEED_TEXTS = 200_000, 2000
BAGS = ("tfidf", "tuned tfidf")
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Setting:
    """What a row is measured with: the space, the data folder, and how many texts of a file."""

    space: LatentSpace
    data: Path
    texts: int
    seed: int
    edits: Path | None  # that were made before
    earlier: dict[str, Any]  # what was found of the row before, perhaps of another model

    def bags_known(self, texts: int) -> dict[str, Any]:
        """What bags of words said of as many texts before: it hangs on the data alone, and takes long."""
        same = self.earlier.get("texts") == texts and self.earlier.get("seed") == self.seed
        return {name: self.earlier[name] for name in BAGS if name in self.earlier} if same else {}

    def tweets(self, file: str) -> pd.DataFrame:
        """Tweets of a file, drawn at random, each with account and likes."""
        frame = pd.read_parquet(self.data / f"tweets/{file}.parquet")
        return frame.sample(min(self.texts, len(frame)), random_state=self.seed)


def likes(setting: Setting) -> dict[str, Any]:
    """R² of log likes within accounts that are known, and coverage of the interval with their levels."""
    frame = setting.tweets("valid")
    account = frame["account"].astype(str).to_numpy(dtype=object)
    truth = np.log1p(frame["likes"].to_numpy(dtype=float))
    fitted = load_fitted("likes", setting.space)
    scores, outputs = _scores(fitted, setting.space, frame["text"].tolist())
    known = setting.bags_known(len(frame))
    bags = {} if known else tfidf_scores(setting.data, frame["text"].tolist(), seed=setting.seed)
    found: dict[str, Any] = {"texts": len(frame), **known}
    for name, each in (scores | bags).items():
        found[name] = {"r2": _r2(_within(truth, account), _within(each, account))}
    estimator: Any = fitted.shown.estimator
    met = np.isin(account, estimator.groups)
    level = np.array([estimator.with_group(name).level for name in account[met]])
    found["interval"] = _coverage(estimator, outputs[met], truth[met] - level)
    return found


def likes_of_unseen_accounts(setting: Setting) -> dict[str, Any]:
    """Spearman's correlation within accounts that nothing was learned from, and coverage of the interval for them."""
    frame = setting.tweets("valid_unseen_accounts")
    account = frame["account"].astype(str).to_numpy(dtype=object)
    truth = np.log1p(frame["likes"].to_numpy(dtype=float))
    fitted = load_fitted("likes", setting.space)
    scores, outputs = _scores(fitted, setting.space, frame["text"].tolist())
    known = setting.bags_known(len(frame))
    bags = {} if known else tfidf_scores(setting.data, frame["text"].tolist(), seed=setting.seed)
    found: dict[str, Any] = {"texts": len(frame), "accounts": len(set(account)), **known}
    for name, each in (scores | bags).items():
        found[name] = {"spearman": float(spearmanr(_within(truth, account), _within(each, account)).statistic)}
    unseen: Any = fitted.for_unseen_group().shown.estimator
    found["interval"] = _coverage(unseen, outputs, truth - unseen.level)
    return found


def sentiment(setting: Setting) -> dict[str, Any]:
    """Accuracy of positive and negative tweets."""
    frame = pd.read_parquet(setting.data / "tweets_labelled/valid.parquet")
    frame = frame[frame["label"].str.startswith("sentiment140_")]
    labels, texts = frame["label"].str.removeprefix("sentiment140_").to_numpy(), frame["text"].tolist()
    fitted = load_fitted("sentiment", setting.space)
    z = setting.space.pooled(setting.space.encode(texts)).double()
    known = setting.bags_known(len(texts))
    said = {"head": fitted.head.predict(z.numpy()), **({} if known else tfidf_sentiment(setting.data, texts))}
    if fitted.reader is not None:
        said |= {"reader": fitted.reader.predict(texts), "stacked": fitted.shown.predict(z, texts)}
    right = {name: {"accuracy": float((each == labels).mean())} for name, each in said.items()}
    return {"texts": len(texts), **known, **right}


def wording(setting: Setting) -> dict[str, Any]:
    """Pairs of tweets by one author with one link: by the bundled retweets, and by what other such pairs teach."""
    frame = pd.read_csv(setting.data / "wording/valid.csv", keep_default_na=False)
    pairs = marked_pairs(frame["first"].tolist(), frame["second"].tolist(), frame["more_retweeted"].tolist())
    found = {}
    if "retweets" in bundled_heads(setting.space):
        found["bundled retweets"] = pairs_report(setting.space, load_fitted("retweets", setting.space), pairs)
    rows, unencoded = wording_rows(setting.data, setting.space, seed=setting.seed)
    taught = fit_head(rows, unencoded=unencoded, scale="identity", split=by_group, seed=setting.seed)
    return found | {"taught by pairs": pairs_report(setting.space, taught, pairs)}


def headlines(setting: Setting) -> dict[str, Any]:
    """Pairs of headlines of one test and image, by the bundled clicks: all, and those beyond chance."""
    frame = pd.read_parquet(setting.data / "headlines/valid.parquet")
    rate = (frame["clicks"] / frame["impressions"]).to_numpy()
    errors = np.sqrt(rate * (1 - rate) / frame["impressions"].to_numpy())
    groups = (frame["test"].astype(str) + "|" + frame["image"].astype(str)).tolist()
    clicks = load_fitted("clicks", setting.space)
    return {
        name: pairs_report(
            setting.space, clicks, grouped_pairs(frame["text"].tolist(), rate, groups, errors=errors, least_z=least)
        )
        for name, least in (("all", 0.0), ("clear", LEAST_Z))
    }


def edits(setting: Setting) -> dict[str, Any]:
    """What edits to more likes realised of their promise, by the reader that they had and by one that they had not."""
    assert setting.edits is not None
    made = json.loads(setting.edits.read_text(encoding="utf-8"))["edits"]
    fitted = load_fitted("likes", setting.space)
    assert fitted.reader is not None
    other = other_reader(setting.data, [edit["source"] for edit in made])
    readers = {"reader": fitted.reader, "other reader": other}
    return {
        "as printed": realised_report(made, fitted.head, readers),
        "as shown now": realised_report(as_shown(made, setting.space, fitted), fitted.head, readers),
    }


def refits(setting: Setting) -> dict[str, Any]:
    """What likes heads keep that were fitted with less or more noise, or to texts that the model wrote."""
    return refitted(setting.space, setting.data, seed=setting.seed)


def speed(setting: Setting) -> dict[str, Any]:
    """Seconds to read 200,000 latents from a file, to fit likes on them, and to predict texts."""
    frame = pd.read_parquet(setting.data / "tweets/train.parquet").head(SPEED_ROWS)
    mean, covariance = (
        part.double().numpy() for part in (setting.space.density.mean, setting.space.density.covariance)
    )
    z = np.random.default_rng(setting.seed).multivariate_normal(mean, covariance, len(frame), method="cholesky")
    account = frame["account"].astype(str).to_numpy(dtype=object)
    rows = Rows(z, frame["text"].tolist(), frame["likes"].to_numpy(dtype=float), account)
    reading = _reading_seconds(setting.space, rows)
    fitting = _seconds(lambda: fit_head(rows, seed=setting.seed))
    texts = rows.texts[:SPEED_TEXTS]
    setting.space.encode(texts[:64])  # what the first call alone takes is none of a text's
    encoding = _seconds(lambda: setting.space.encode(texts))
    predicting = _seconds(lambda: predict_texts(setting.space, texts, ["likes"]))
    return {
        "rows": len(rows),
        "read_latents_seconds": round(reading, 1),
        "fit_seconds": round(fitting, 1),
        "texts": len(texts),
        "predict_seconds_of_10000": round(10_000 / len(texts) * predicting, 1),
        "of_which_encoding": round(encoding / predicting, 3),
        "threads": torch.get_num_threads(),
    }


ROWS: dict[str, Callable[[Setting], dict[str, Any]]] = {
    row.__name__: row for row in (likes, likes_of_unseen_accounts, sentiment, wording, headlines, edits, refits, speed)
}


def _scores(fitted: Fitted, space: LatentSpace, texts: list[str]) -> tuple[dict[str, Array], Array]:
    """Scores of each opinion, whatever the group's level, and the outputs of the one that is shown."""
    z = space.pooled(space.encode(texts)).double()
    found = {"head": fitted.head.outputs(z.numpy())[:, 0]}
    outputs = fitted.shown.outputs(z, texts)
    if fitted.reader is not None:
        found |= {"reader": fitted.reader.outputs(texts)[:, 0], "stacked": outputs[:, 0]}
    return found, outputs


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _reading_seconds(space: LatentSpace, rows: Rows) -> float:
    """Seconds to read latents of rows from a file as `latentopt encode` writes it: drawn, but for those it checks."""
    texts = list(dict.fromkeys(rows.texts))
    z = np.random.default_rng(0).normal(size=(len(texts), space.latent_dim)).astype(np.float32)
    checked = np.linspace(0, len(texts) - 1, CHECKED).astype(int)
    z[checked] = space.encode([texts[i] for i in checked]).numpy()
    ends = np.arange(0, z.size + 1, space.latent_dim, dtype=np.int32)
    lists = pyarrow.ListArray.from_arrays(ends, z.ravel())
    with TemporaryDirectory() as folder:
        file = Path(folder) / "latents.parquet"
        pyarrow.parquet.write_table(pyarrow.table({"text": texts, "z": lists}), file, row_group_size=GROUP)
        return _seconds(lambda: kept_latents(space, rows.texts, file))


def _coverage(estimator: Any, outputs: Array, rest: Array) -> dict[str, float]:
    low, high = estimator.within(outputs, level=LEVEL).T
    return {
        "level": LEVEL,
        "coverage": float(((low <= rest) & (rest <= high)).mean()),
        "width": float((high - low).mean()),
    }


def _within(values: Array, groups: NDArray[Any]) -> Array:
    index = np.unique(groups, return_inverse=True)[1]
    return values - (np.bincount(index, weights=values) / np.bincount(index))[index]


def _r2(truth: Array, predicted: Array) -> float:
    return 1 - float(((truth - predicted) ** 2).sum() / (truth**2).sum())


def main() -> None:
    """Measure the rows that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder ../shared/data")
    parser.add_argument("--model", help="default: the bundled one")
    parser.add_argument("--row", action="append", choices=list(ROWS), help="default: all that are possible")
    parser.add_argument("--texts", type=int, default=8000, help="of each file of tweets")
    parser.add_argument(
        "--edits", type=Path, help="for the row edits: what `optimize --target likes=... --json` printed"
    )
    parser.add_argument("--again", action="store_true", help="measure rows that are there, too")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows = options.row or [name for name in ROWS if name != "edits" or options.edits]
    if "edits" in rows and not options.edits:
        parser.error("--row edits measures edits that were made; give them as --edits FILE")
    space = LatentSpace.from_pretrained(options.model)
    for name in rows:
        results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        setting = Setting(space, options.data, options.texts, options.seed, options.edits, results.get(name, {}))
        if results.get(name, {}).get("model") == space.fingerprint and not options.again:
            continue
        start = time.perf_counter()
        found = ROWS[name](setting)
        results[name] = {"model": space.fingerprint, "seed": options.seed, **found}
        results[name]["seconds"] = round(time.perf_counter() - start)
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
        print(name, json.dumps(results[name]), file=sys.stderr)


if __name__ == "__main__":
    main()

"""Sentiment transfer on Yelp sentences: edits by direction, by head and by both, as a frontier over strength.

    python experiments/yelp_sentiment/train.py --data ../shared/data --output runs/yelp/model   # minutes of a GPU
    python experiments/yelp_sentiment/run.py --data ../shared/data --model runs/yelp/model --work runs/yelp \
        [--texts 500] [--row direction/1/0.3 ...]

So many sentences each way of yelp/valid are edited by each row: how they are guided, and how far. Edits are kept in
--work, one a line, so that a run that was stopped goes on with the next text; --row runs it in parts. results.json
holds what was measured of the rows that are done, with intervals (95%: Wilson's of shares, else bootstrap), and
frontier.png the frontier.

Nothing that measures guides: the direction, the head and its reader learn from one half of yelp/train, the TF-IDF
logistic, the second classifier (hashed characters, stochastic gradients) and the trigrams from the other.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.stats import binomtest
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from torch import Tensor

from latentopt.directions import Direction, Examples, Shrunk, fit_style_reader
from latentopt.editing import Along, AtLeast, Effort, Floors, Infill, Objective, TextEditor
from latentopt.editing.measure import Attempt
from latentopt.editing.rank import value
from latentopt.evaluation.ngrams import NGramModel
from latentopt.heads import fit_head, load_fitted, rows_of
from latentopt.heads.reader import fit_reader
from latentopt.space import LatentSpace
from latentopt.space.density import LatentDensity

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
STRENGTHS = (0.5, 1.0, 2.0, 4.0)
CHANGES = (0.3, 0.6)  # most of the words that may change: a little less than usual, and more
GUIDES = ("direction", "head", "both")
ROWS = [f"{guide}/{strength:g}/{change:g}" for guide in GUIDES for strength in STRENGTHS for change in CHANGES]
LEARNED_FROM = 4_000  # sentences of each kind that direction and head learn from; their readers take all of their half
SURE = {0.5: 0.6, 1.0: 0.8, 2.0: 0.95, 4.0: 0.99}  # probability that the head is asked for, in the place of a strength
FLOORS = {"meaning": 0.3, "fluency": -0.5, "cost": 16.0}  # below the editor's usual ones: published systems have none
# A sentence is written anew until it is turned, each time from its beginning: later fills are pushed away from what
# would stand there anyway.
TRIES = (Infill(), *[Infill(guidance=(1.0, 2.0))] * 3)
DRAWS = 500
BY = ("tfidf", "second")  # the two classifiers
UNKNOWN = 2  # the word that stands for all unknown ones
TRAINED = ", trained on"  # with yelp/train: what a row of such a model is called
# One evaluator on the usual 1,000 sentences of the test, for orientation: accuracy by two classifiers, BLEU to the
# source, perplexity. Ours are of other sentences, by other classifiers: not to be read off against each other.
PUBLISHED = {
    "LatentOps": (79.7, 72.8, 54.0, 64),
    "Revision in Continuous Space (content)": (87.1, 86.1, 18.7, 23),
    "FGIM": (25.0, 25.4, 66.7, 90),
    "cross-alignment": (76.3, 72.9, 20.7, 55),
    "DualRL": (89.4, 84.1, 59.1, 64),
    "StyleTransformer": (87.4, 78.7, 63.2, 82),
    "people": (72.0, 69.2, 31.9, 89),
    "copying": (3.3, 4.8, 100.0, 47),
}


@dataclass(frozen=True)
class Surest:
    """The attempt that comes nearest to the wish, in tenths of its loss, by head and reader both; of several, the best.

    Published systems are compared by whether the sentiment was changed, which the editor's usual order weighs against
    meaning and fluency.
    """

    def __call__(self, attempts: Sequence[Attempt], merits: Tensor) -> list[Attempt]:
        return sorted(attempts, key=lambda attempt: (round(attempt.cautious, 1), value(attempt)))[:1]


class Guides:
    """The direction from negative to positive, and the head, learned once from one half of the training sentences."""

    def __init__(self, space: LatentSpace, train: pd.DataFrame, work: Path, seed: int) -> None:
        self.space = space
        stem = work / f"guides_{space.fingerprint}_{_digest(LEARNED_FROM, seed)}"
        drawn = train.groupby("positive").sample(LEARNED_FROM, random_state=seed)
        negative, positive = (drawn.loc[drawn["positive"] == k, "text"].tolist() for k in (0, 1))
        density = stem.with_suffix(".density.safetensors")
        if not density.exists():
            stem.mkdir(exist_ok=True)
            z = [space.pooled(space.encode(texts)) for texts in (negative, positive)]
            LatentDensity.fit(torch.cat(z)).save_pretrained(density)
            covariance = LatentDensity.from_pretrained(density).covariance
            found = Shrunk(covariance)(Examples(*z, None, space.fingerprint))
            reader = fit_style_reader(*(train.loc[train["positive"] == k, "text"].tolist() for k in (0, 1)))
            Direction(found.vector, name="positive", space=space.fingerprint, reader=reader).save_pretrained(
                stem / "positive.safetensors"
            )
            labels = ["negative"] * len(negative) + ["positive"] * len(positive)
            fitted = fit_head(rows_of(space, negative + positive, labels), seed=seed)
            whole = np.where(train["positive"] == 1, "positive", "negative")
            fitted = replace(fitted, reader=fit_reader(train["text"].tolist(), whole), stacked=None)
            fitted.save_pretrained(stem / "sentiment", name="sentiment", space=space)
        space.density = LatentDensity.from_pretrained(density)  # of these sentences, and not of tweets
        self.direction = Direction.from_pretrained(stem / "positive.safetensors", space=space.fingerprint)
        self.sentiment = load_fitted(stem / "sentiment", space)

    def edited(self, row: str, text: str, wanted: str, seed: int) -> str:
        """The edit of a sentence towards "positive" or "negative": the first of those of TRIES that has turned it.

        Where none has, it is the first that was found, for later ones change more; where there is none, the sentence.
        """
        first = None
        editor = self._editor(row, wanted)
        for number, writer in enumerate(TRIES):
            (edit,) = editor.set_params(writer=writer, seed=seed + number).edit([text])
            if edit.candidates and self.turned(row, edit.text, wanted):
                return edit.text
            first = first or (edit.text if edit.candidates else None)
        return first or text

    def turned(self, row: str, text: str, wanted: str) -> bool:
        """Whether what guides a row takes a text for what is wanted: a direction's reader, a head and its reader."""
        guide = row.split("/")[0]
        positive: list[float] = []
        if guide in ("direction", "both"):
            positive += [float(reader.predict_score([text])[0]) for reader in self.direction.readers().values()]
        if guide in ("head", "both"):
            z = self.space.pooled(self.space.encode([text]))
            reader = self.sentiment.reader
            assert reader is not None
            positive.append(float(self.sentiment.head.for_class("positive").forward(z)))
            positive.append(float(reader.estimator.predict_score(reader.vectors([text]))[0]))
        return all(one > 0 for one in positive) if wanted == "positive" else all(one < 0 for one in positive)

    @cache  # noqa: B019 (there is one Guides): an editor knows which tokens no text may have
    def _editor(self, row: str, wanted: str) -> TextEditor:
        guide, strength, change = row.split("/")
        way = 1.0 if wanted == "positive" else -1.0
        goals: list[Objective] = []
        if guide in ("direction", "both"):
            goals.append(Along(self.direction, way * float(strength)))
        if guide in ("head", "both"):
            goals.append(AtLeast(self.sentiment.head.for_class(wanted), SURE[float(strength)]))
        goal = goals[0] if len(goals) == 1 else goals[0] + goals[1]
        return TextEditor(
            self.space,
            goal,
            readers=self.direction.readers() | self.sentiment.readers(),  # those of no wish are not asked
            floors=Floors(change=float(change), **FLOORS),
            effort=Effort(tries=1),
            shown=Surest(),
        )


class Evaluator:
    """What measures: two classifiers of sentiment and a trigram model, none of which guides."""

    def __init__(self, train: pd.DataFrame) -> None:
        texts, labels = train["text"].tolist(), train["positive"].tolist()
        tfidf = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, token_pattern=r"\S+")
        hashed = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 5), n_features=2**20, alternate_sign=False)
        self.tfidf = make_pipeline(tfidf, LogisticRegression(C=10, max_iter=300)).fit(texts, labels)
        second = SGDClassifier(loss="log_loss", alpha=1e-6, random_state=1)
        self.second = make_pipeline(hashed, second).fit(texts, labels)
        self.trigrams = Trigrams(texts)

    def measured(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Figures of edits, each with its bootstrap interval."""
        texts, sources = [row["text"] for row in rows], [row["source"] for row in rows]
        wanted = np.array([row["wanted"] == "positive" for row in rows], dtype=int)
        each = {
            "accuracy_tfidf": self.tfidf.predict(texts) == wanted,
            "accuracy_second": self.second.predict(texts) == wanted,
            "unchanged": np.array([a == b for a, b in zip(texts, sources, strict=True)]),
        }
        found = {name: _share(those) for name, those in each.items()}
        for way, those in (("negative", wanted == 0), ("positive", wanted == 1)):
            found[f"accuracies_to_{way}"] = [round(100 * float(each[f"accuracy_{by}"][those].mean()), 2) for by in BY]
        counts = np.array([self._counts(a, b) for a, b in zip(texts, sources, strict=True)])
        found["bleu"] = _interval(counts, _corpus_bleu)
        found["perplexity"] = _interval(
            self.trigrams.nats(texts), lambda x: float(np.exp(x[:, 0].sum() / x[:, 1].sum()))
        )
        return found | {"texts": len(rows), "seconds": float(np.median([row["seconds"] for row in rows]))}

    def _counts(self, text: str, source: str) -> list[float]:
        """Matched and all n-grams of orders 1 to 4, and the two lengths: what corpus BLEU adds up."""
        a, b = text.split(), source.split()
        matched, total = [], []
        for n in range(1, 5):
            left, right = (Counter(tuple(x[i : i + n]) for i in range(len(x) - n + 1)) for x in (a, b))
            matched.append(float((left & right).total()))
            total.append(float(left.total()))
        return [*matched, *total, float(len(a)), float(len(b))]


class Trigrams:
    """A trigram model of words. Those that were seen in one text alone are one unknown word, any of them as likely."""

    def __init__(self, texts: Sequence[str]) -> None:
        words = Counter(word for text in texts for word in text.split())
        known = sorted(word for word, count in words.items() if count > 1)
        self.ids = {word: i for i, word in enumerate(known, start=UNKNOWN + 1)}  # 0 stands before a text, 1 is its end
        self.each_unknown = math.log(max(1, len(words) - len(known)))  # nats
        rows = [self._row(text) for text in texts]
        self.model = NGramModel.fit(rows, vocab_size=len(self.ids) + UNKNOWN + 1, bigrams=None, trigrams=None)

    def nats(self, texts: Sequence[str]) -> np.ndarray:
        """Nats of texts, their ends included, and how many tokens these are of, (n, 2)."""
        rows = [self._row(text) for text in texts]
        tokens = np.array([len(row) for row in rows])
        unknown = np.array([row.count(UNKNOWN) for row in rows])
        return np.stack([-self.model.log_probability(rows).numpy() * tokens + unknown * self.each_unknown, tokens], 1)

    def _row(self, text: str) -> list[int]:
        return [*(self.ids.get(word, UNKNOWN) for word in text.split()), 1]


def _corpus_bleu(counts: np.ndarray) -> float:
    """Corpus BLEU (Papineni et al. 2002) of summed counts, see Evaluator._counts."""
    total = counts.sum(0)
    matched, grams, (length, reference) = total[:4], total[4:8], total[8:]
    if not matched.all():
        return 0.0
    brevity = min(0.0, 1 - reference / length)
    return 100 * math.exp(float(np.log(matched / grams).mean()) + brevity)


def _share(those: np.ndarray) -> list[float]:
    """The share of true ones in percent, and its interval (Wilson 1927), which holds for none and all of them, too."""
    low, high = binomtest(int(those.sum()), len(those)).proportion_ci(method="wilson")
    return [round(100 * float(x), 2) for x in (those.mean(), low, high)]


def _interval(values: np.ndarray, statistic: Any, seed: int = 0) -> list[float]:
    """A statistic of the rows of values, and its bootstrap interval."""
    generator = np.random.default_rng(seed)
    draws = [statistic(values[generator.integers(len(values), size=len(values))]) for _ in range(DRAWS)]
    return [round(float(x), 2) for x in (statistic(values), *np.quantile(draws, [0.025, 0.975]))]


def asked(data: Path, count: int) -> list[tuple[str, str]]:
    """Sentences of yelp/valid, each with what it shall become, the two ways in turn: a run in parts has both."""
    valid = pd.read_parquet(data / "yelp/valid.parquet").drop_duplicates("text")
    sides = [valid.loc[valid["positive"] == k, "text"].sample(count, random_state=0).tolist() for k in (0, 1)]
    pairs = zip(*sides, strict=True)
    return [one for a, b in pairs for one in ((a, "positive"), (b, "negative"))]


def edited(guides: Guides, row: str, texts: Sequence[tuple[str, str]], file: Path, seed: int) -> list[dict[str, Any]]:
    """Edits of the texts by a row: those that are in the file are not made again."""
    known = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    with file.open("a") as out:
        for text, wanted in texts[len(known) :]:
            started = time.perf_counter()
            new = guides.edited(row, text, wanted, seed)
            known.append({"source": text, "wanted": wanted, "text": new, "seconds": time.perf_counter() - started})
            out.write(json.dumps(known[-1], ensure_ascii=False) + "\n")
            out.flush()
            print(f"{row}: {len(known)} of {len(texts)}", file=sys.stderr)
    return known[: len(texts)]


def copied(texts: Sequence[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """What it is to do nothing."""
    for text, wanted in texts:
        yield {"source": text, "wanted": wanted, "text": text, "seconds": 0.0}


def draw(results: dict[str, Any], file: Path) -> None:
    """The frontier: accuracy against BLEU to the source, one line a guide and share of words that may change."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 5), layout="constrained")
    axis = figure.add_subplot()
    lines: dict[str, list[dict[str, Any]]] = {}
    for row in ROWS:
        for model in ("", TRAINED):
            if row + model in results:
                guide, _, change = row.split("/")
                label = f"{guide}, at most {float(change):.0%} of the words{model}"
                lines.setdefault(label, []).append(results[row + model])
    for label, rows in lines.items():
        x, y = ([one[name][0] for one in rows] for name in ("bleu", "accuracy_tfidf"))
        bars = [[one["accuracy_tfidf"][0] - one["accuracy_tfidf"][1] for one in rows]]
        bars.append([one["accuracy_tfidf"][2] - one["accuracy_tfidf"][0] for one in rows])
        axis.errorbar(x, y, yerr=bars, marker="o", capsize=2, label=label)
    for name, (accuracy, _, bleu, _) in PUBLISHED.items():
        axis.plot(bleu, accuracy, marker="x", color="#7f7f7f", linestyle="")
        side = "right" if name in ("LatentOps", "copying") else "left"  # where there is room
        shift = (-5 if side == "right" else 5, 3)
        axis.annotate(name, (bleu, accuracy), shift, textcoords="offset points", ha=side, fontsize=7, color="#7f7f7f")
    axis.set_xlabel("BLEU to the source")
    axis.set_ylabel("accuracy (TF-IDF logistic, %)")
    axis.set_title("Crosses: published, other sentences and another evaluator", fontsize=9)
    axis.legend(fontsize=8)
    figure.savefig(file, dpi=150)


def _digest(*settings: object) -> str:
    """Names what is kept: what was made with other settings or another seed is not gone on with."""
    return hashlib.sha256(repr(settings).encode()).hexdigest()[:8]


def _kept(row: str, space: LatentSpace, seed: int) -> str:
    digest = _digest(LEARNED_FROM, SURE, FLOORS, TRIES, Surest.__name__, seed)
    return f"{row.replace('/', '_')}_{space.fingerprint}_{digest}.jsonl"


def main() -> None:
    """Edit and measure the rows that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder ../shared/data")
    parser.add_argument("--model", type=Path, help="trained on with yelp/train; default: the bundled one as it is")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=500, help="sentences each way")
    parser.add_argument("--row", action="append", choices=ROWS, help="[default: all]")
    parser.add_argument("--edit-only", action="store_true", help="measure later, on another machine")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    train = pd.read_parquet(options.data / "yelp/train.parquet").drop_duplicates("text")
    train = train.sample(frac=1, random_state=options.seed)
    half = len(train) // 2
    space = LatentSpace.from_pretrained(options.model)
    guides = Guides(space, train.iloc[:half], options.work, options.seed)
    texts = asked(options.data, options.texts)
    if options.edit_only:
        for row in options.row or ROWS:
            edited(guides, row, texts, options.work / _kept(row, space, options.seed), options.seed)
        return
    evaluator = Evaluator(train.iloc[half:])
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    copying = evaluator.measured(list(copied(texts)))
    results["copying"] = max(copying, results.get("copying", copying), key=lambda found: int(found["texts"]))
    for row in options.row or ROWS:
        file = options.work / _kept(row, space, options.seed)
        name = row if options.model is None else row + TRAINED
        results[name] = evaluator.measured(edited(guides, row, texts, file, options.seed))
        results[name]["space"] = space.fingerprint
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
        print(name, results[name])
    draw(results, HERE / "frontier.png")


if __name__ == "__main__":
    main()

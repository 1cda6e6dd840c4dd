"""How good a head is on rows that it was not fitted on, beside honest baselines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline

from latentopt.errors import LatentoptError
from latentopt.heads.rows import Rows
from property_models.targets import GroupOffsets, Values, to_score

LEVEL = 0.9
TOKEN = r"\w+|[^\w\s]+"


def regression_report(models: Mapping[str, tuple[Any, Any]], train: Rows, test: Rows) -> dict[str, Any]:
    """Held-out metrics of heads, of a constant and of a TF-IDF ridge on the texts themselves.

    Args:
        models: by name, regressors of one scale, each with its vectors of the test rows; the last is the one shown.
        train: rows that the baselines are fitted on. test: held-out rows.

    Returns:
        `rows`, `scale`, and for "constant", "tfidf_ridge" and the models `r2`, `spearman` and `mae`, of scores
        (the constant is 0).
        With groups, these are *within groups*: the means of the held-out rows of each group are taken off truth and
        prediction alike, and a row that is the only one of its group is left out; `rows_within` remain. There is
        "group_mean", too, the number of groups, the share of the variance of scores that their means explain, and for
        each model `r2_total`: of all variance, where a group's mean is known from the training rows (that of all, for a
        group that has none there).
        `interval` has the level asked for and, of the last model (`of`), the `coverage` found and the mean `width` in
        scores: that for a group of which nothing is known, where no group has training rows (`unseen_groups`).

    Raises:
        LatentoptError: if there are groups, but each held-out row is the only one of its own.
    """
    shown = list(models)[-1]
    scale = models[shown][0].scale
    y_train, y = (np.asarray(to_score(np.asarray(rows.values, float), scale)) for rows in (train, test))
    offsets = None if train.groups is None else GroupOffsets.fit(y_train, train.groups)
    known: Any = offsets.of(test.groups) if offsets else y_train.mean()
    rest_train = y_train - (offsets.of_row if offsets else y_train.mean())
    tfidf = make_pipeline(_tfidf(), Ridge(alpha=3.0)).fit(train.texts, rest_train)
    outputs = {name: model.outputs(vectors) for name, (model, vectors) in models.items()}
    # In scores: where the group that is predicted for would have 0, the row's own may have many.
    predicted = {"tfidf_ridge": tfidf.predict(test.texts), **{name: each[:, 0] for name, each in outputs.items()}}
    report: dict[str, Any] = {"rows": len(y), "scale": scale, "within_groups": offsets is not None}
    if offsets:
        report["groups"] = len(offsets.means)
        report["rows_within"] = int(_have_company(test.groups).sum())
        if not report["rows_within"]:
            raise LatentoptError(
                "no two of the rows that measure are of one group, and within groups there is nothing to compare; "
                "leave the groups out, or give larger ones"
            )
        report["explained_by_group"] = _r2(y, known)
        report["constant"] = _fit_quality(y, np.zeros_like(y), test.groups) | {"r2_total": _r2(y, y_train.mean())}
        report["group_mean"] = _fit_quality(y, known, test.groups) | {"r2_total": _r2(y, known)}
        for name, scores in predicted.items():
            report[name] = _fit_quality(y, scores, test.groups) | {"r2_total": _r2(y, known + scores)}
    else:
        report["constant"] = _fit_quality(y - known, np.zeros_like(y))
        for name, scores in predicted.items():
            report[name] = _fit_quality(y - known, scores)
    model = models[shown][0]
    if model.has_interval:
        unseen = offsets is not None and not offsets.has(test.groups).any()
        found = {"of": shown, "level": LEVEL, "unseen_groups": unseen}
        if unseen:
            model, known = model.for_unseen_group(), model.level
        report["interval"] = found | _coverage(model, outputs[shown], y - known)
    return report


def _coverage(model: Any, outputs: NDArray[np.float64], rest: Values) -> dict[str, float]:
    """Share of rows in their interval, by outputs (n, outputs) and scores without level (n,), and its mean width."""
    low, high = model.within(outputs, level=LEVEL).T
    return {"coverage": float(((low <= rest) & (rest <= high)).mean()), "width": float((high - low).mean())}


def classification_report(models: Mapping[str, tuple[Any, Any]], train: Rows, test: Rows) -> dict[str, Any]:
    """Held-out metrics of classifiers, of the most frequent class and of a TF-IDF logistic regression on the texts.

    Args:
        models, train, test: as in `regression_report`.

    Returns:
        `rows`, `classes`, and for "constant", "tfidf_logistic" and the models `accuracy`, `log_loss` and, for two
        classes that are both among the held-out rows, `auc`.
    """
    classes = np.unique(train.values)
    shares = np.array([(train.values == c).mean() for c in classes])
    tfidf = make_pipeline(_tfidf(), LogisticRegression(C=3.0, max_iter=300)).fit(train.texts, train.values)
    report: dict[str, Any] = {"rows": len(test), "classes": [str(c) for c in classes]}
    report["constant"] = _class_quality(test.values, np.tile(shares, (len(test), 1)), classes)
    report["tfidf_logistic"] = _class_quality(test.values, tfidf.predict_proba(test.texts), classes)
    for name, (model, vectors) in models.items():
        report[name] = _class_quality(test.values, model.probabilities(vectors), classes)
    return report


def _tfidf() -> TfidfVectorizer:
    # Signs and one-letter words count, too: emoji and "!" say much of a tweet, and no text is without any token.
    return TfidfVectorizer(ngram_range=(1, 2), token_pattern=TOKEN, sublinear_tf=True, max_features=200_000)


def _fit_quality(truth: Values, predicted: NDArray[np.float64], groups: Any = None) -> dict[str, float]:
    if groups is not None:
        kept = _have_company(groups)
        truth, predicted = truth[kept], predicted[kept]
        index = np.unique(np.asarray(groups)[kept], return_inverse=True)[1]
        truth, predicted = (v - (np.bincount(index, weights=v) / np.bincount(index))[index] for v in (truth, predicted))
        predicted = np.where(np.abs(predicted) < 1e-9, 0.0, predicted)  # a group's own mean, but for rounding
    constant = np.ptp(predicted) == 0 or np.ptp(truth) == 0
    return {
        "r2": _r2(truth, predicted),
        "spearman": 0.0 if constant else float(spearmanr(truth, predicted).statistic),
        "mae": float(np.abs(truth - predicted).mean()),
    }


def _have_company(groups: Any) -> NDArray[np.bool_]:
    """Whether a row has others of its group beside it, by groups (n,)."""
    _, index, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    return np.asarray(counts[index] > 1)


def _r2(truth: Values, predicted: Any) -> float:
    spread = float(((truth - truth.mean()) ** 2).sum()) or 1.0
    return 1 - float(((truth - predicted) ** 2).sum()) / spread


def _class_quality(labels: Any, p: NDArray[np.float64], classes: NDArray[Any]) -> dict[str, float]:
    labels = np.asarray(labels)
    quality = {
        "accuracy": float(accuracy_score(labels, classes[p.argmax(1)])),
        "log_loss": float(log_loss(labels, p, labels=classes)),
    }
    if len(classes) == len(set(labels.tolist())) == 2:
        quality["auc"] = float(roc_auc_score(labels == classes[1], p[:, 1]))
    return quality

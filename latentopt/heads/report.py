"""How good a head is on rows that it was not fitted on, beside honest baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline

from property_models.base import Classifier, Regressor
from property_models.intervals import conformal_radius
from property_models.targets import GroupOffsets, Values, to_score

LEVEL = 0.9
TOKEN = r"\w+|[^\w\s]+"


def regression_report(
    head: Regressor,
    train: tuple[Any, Sequence[str], Any],
    test: tuple[Any, Sequence[str], Any],
    *,
    groups: tuple[Any, Any] | None = None,
    others: Mapping[str, tuple[Regressor, Any]] | None = None,
) -> dict[str, Any]:
    """Held-out metrics of a head, of a constant and of a TF-IDF ridge on the texts themselves.

    Args:
        head: fitted on the training rows.
        train: vectors (n, d), texts and values of the training rows; the baselines are fitted on them.
        test: the same of the held-out rows.
        groups: the groups of the training and of the test rows, as `fit` was given them.
        others: by name, more regressors to measure, each with its vectors of the test rows.

    Returns:
        `rows`, `scale`, and for "constant", "tfidf_ridge", "head" and the others `r2`, `spearman` and `mae`, of scores
        (the constant is 0).
        With groups, these are *within groups*: the means of the held-out rows of each group are taken off truth and
        prediction alike. There is "group_mean", too, the number of groups, the share of the variance of scores that
        their means explain, and for each model `r2_total`: of all variance, where a group's mean is known from the
        training rows.
        `interval` has the level asked for and, of the last model (`of`), the `coverage` found and the `width` in
        scores.
    """
    _, train_texts, train_values = train
    x, test_texts, test_values = test
    y_train, y = (np.asarray(to_score(np.asarray(v, float), head.scale)) for v in (train_values, test_values))
    offsets = GroupOffsets.fit(y_train, groups[0]) if groups else None
    known: Any = offsets.of(groups[1]) if groups and offsets else y_train.mean()
    rest_train = y_train - (offsets.of_row if offsets else y_train.mean())
    tfidf = make_pipeline(_tfidf(), Ridge(alpha=3.0)).fit(train_texts, rest_train)
    regressors = {"head": (head, x), **(others or {})}
    # In scores: where the group that is predicted for would have 0, the row's own may have many.
    predicted = {name: model.outputs(vectors)[:, 0] for name, (model, vectors) in regressors.items()}
    models = {"tfidf_ridge": tfidf.predict(test_texts), **predicted}
    report: dict[str, Any] = {"rows": len(y), "scale": head.scale, "within_groups": groups is not None}
    if groups:
        report["groups"] = len(set(np.asarray(groups[0]).tolist()))
        report["explained_by_group"] = _r2(y, known)
        report["constant"] = _fit_quality(y, np.zeros_like(y), groups[1]) | {"r2_total": _r2(y, y_train.mean())}
        report["group_mean"] = _fit_quality(y, known, groups[1]) | {"r2_total": _r2(y, known)}
        for name, scores in models.items():
            report[name] = _fit_quality(y, scores, groups[1]) | {"r2_total": _r2(y, known + scores)}
    else:
        report["constant"] = _fit_quality(y - known, np.zeros_like(y))
        for name, scores in models.items():
            report[name] = _fit_quality(y - known, scores)
    shown = list(regressors)[-1]
    model = regressors[shown][0]
    if model.has_interval:
        radius = conformal_radius(model.residuals_, LEVEL)
        inside = np.abs(y - known - predicted[shown]) <= radius
        report["interval"] = {"of": shown, "level": LEVEL, "coverage": float(inside.mean()), "width": 2 * radius}
    return report


def classification_report(
    head: Classifier,
    train: tuple[Any, Sequence[str], Any],
    test: tuple[Any, Sequence[str], Any],
    *,
    others: Mapping[str, tuple[Classifier, Any]] | None = None,
) -> dict[str, Any]:
    """Held-out metrics of a classifier, of the most frequent class and of a TF-IDF logistic regression on the texts.

    Args:
        head, train, test, others: as in `regression_report`.

    Returns:
        `rows`, `classes`, and for "constant", "tfidf_logistic", "head" and the others `accuracy`, `log_loss` and, for
        two classes, `auc`.
    """
    _, train_texts, train_labels = train
    x, test_texts, labels = test
    classes = head.classes_
    shares = np.array([(np.asarray(train_labels) == c).mean() for c in classes])
    tfidf = make_pipeline(_tfidf(), LogisticRegression(C=3.0, max_iter=300)).fit(train_texts, train_labels)
    report: dict[str, Any] = {"rows": len(labels), "classes": [str(c) for c in classes]}
    report["constant"] = _class_quality(labels, np.tile(shares, (len(labels), 1)), classes)
    report["tfidf_logistic"] = _class_quality(labels, tfidf.predict_proba(test_texts), classes)
    for name, (model, vectors) in {"head": (head, x), **(others or {})}.items():
        report[name] = _class_quality(labels, model.predict_proba(vectors), classes)
    return report


def _tfidf() -> TfidfVectorizer:
    # Signs and one-letter words count, too: emoji and "!" say much of a tweet, and no text is without any token.
    return TfidfVectorizer(ngram_range=(1, 2), token_pattern=TOKEN, sublinear_tf=True, max_features=200_000)


def _fit_quality(truth: Values, predicted: NDArray[np.float64], groups: Any = None) -> dict[str, float]:
    if groups is not None:
        index = np.unique(np.asarray(groups), return_inverse=True)[1]
        truth, predicted = (v - (np.bincount(index, weights=v) / np.bincount(index))[index] for v in (truth, predicted))
        predicted = np.where(np.abs(predicted) < 1e-9, 0.0, predicted)  # a group's own mean, but for rounding
    constant = np.ptp(predicted) == 0 or np.ptp(truth) == 0
    return {
        "r2": _r2(truth, predicted),
        "spearman": 0.0 if constant else float(spearmanr(truth, predicted).statistic),
        "mae": float(np.abs(truth - predicted).mean()),
    }


def _r2(truth: Values, predicted: Any) -> float:
    spread = float(((truth - truth.mean()) ** 2).sum()) or 1.0
    return 1 - float(((truth - predicted) ** 2).sum()) / spread


def _class_quality(labels: Any, p: NDArray[np.float64], classes: NDArray[Any]) -> dict[str, float]:
    labels = np.asarray(labels)
    quality = {
        "accuracy": float(accuracy_score(labels, classes[p.argmax(1)])),
        "log_loss": float(log_loss(labels, p, labels=classes)),
    }
    if len(classes) == 2:
        quality["auc"] = float(roc_auc_score(labels == classes[1], p[:, 1]))
    return quality

"""What each family knows that the others do not, where it is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from property_models import (
    BoostingClassifier,
    BoostingRegressor,
    GaussianProcessHead,
    HeadError,
    NegativeBinomialHead,
    OrdinalHead,
    QuantileHead,
    RidgeHead,
    head_of,
    state_of,
)

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(2000, 4))
SIGNAL = X[:, 0] - 0.5 * X[:, 1]
NEW = slice(1500, 2000)
OLD = slice(0, 1500)


def test_grades_are_learned_by_their_order_and_none_lies_outside() -> None:
    grade = 1.0 + np.digitize(SIGNAL + DRAW.logistic(scale=0.3, size=2000), [-1.5, -0.2, 0.0, 2.0])
    head = OrdinalHead().fit(X[OLD], grade[OLD])
    found = head.predict(X[NEW] * 5)
    assert 1 <= found.min() < found.max() <= 5
    assert np.corrcoef(head.predict(X[NEW]), grade[NEW])[0, 1] > 0.8
    assert head.tensors_["weight"][0].numpy() == pytest.approx(np.array([1, -0.5, 0, 0]) / 0.3, abs=0.35)  # McCullagh
    thresholds = head.tensors_["thresholds"][0].numpy() * 0.3
    assert thresholds == pytest.approx([-1.5, -0.2, 0.0, 2.0], abs=0.2)
    low, high = head.interval(X[NEW]).T
    assert ((low <= grade[NEW]) & (grade[NEW] <= high)).mean() > 0.86


def test_grades_have_no_groups_and_are_few() -> None:
    with pytest.raises(HeadError, match="no levels of groups; leave the groups out, or take ridge"):
        OrdinalHead().fit(X, np.arange(2000) % 5, groups=np.arange(2000) % 7)
    with pytest.raises(HeadError, match="grades are 256 at most, got 1800"):
        OrdinalHead().fit(X, SIGNAL)


def test_counts_have_the_mean_and_not_the_mean_of_logarithms() -> None:
    mean = np.exp(1.0 + 0.8 * SIGNAL)
    counts = DRAW.poisson(mean * DRAW.gamma(2.0, 1 / 2.0, size=2000)).astype(float)  # negative binomial of size 2
    head = NegativeBinomialHead(alpha=0.1).fit(X[OLD], counts[OLD])
    assert head.tensors_["weight"][0].numpy() == pytest.approx([0.8, -0.4, 0, 0], abs=0.12)
    assert head.predict(X).mean() == pytest.approx(mean.mean(), rel=0.1)
    logs = RidgeHead(scale="log1p").fit(X[OLD], counts[OLD])
    assert abs(head.predict(X[NEW]) - mean[NEW]).mean() < abs(logs.predict(X[NEW]) - mean[NEW]).mean()
    low, high = head.interval(X[NEW]).T
    assert 0.85 < ((low <= counts[NEW]) & (counts[NEW] <= high)).mean() < 0.97
    with pytest.raises(HeadError, match="counts of at least 0, got -1"):
        NegativeBinomialHead().fit(X, counts - 1)


def test_a_group_of_counts_has_a_level_of_its_own() -> None:
    group = np.arange(2000) % 8
    counts = DRAW.poisson(np.exp(group / 2 + 0.5 * SIGNAL)).astype(float)
    head = NegativeBinomialHead(alpha=0.1).fit(X, counts, groups=group)
    assert head.with_group("7").predict(X).mean() > 10 * head.with_group("0").predict(X).mean()
    assert head.tensors_["weight"][0, 0].item() == pytest.approx(0.5, abs=0.1)


def test_intervals_of_quantiles_are_wide_where_values_vary_and_cover_there_too() -> None:
    spread = np.exp(X[:, 2])
    y = SIGNAL + spread * DRAW.normal(size=2000)
    quantile, ridge = QuantileHead().fit(X[OLD], y[OLD]), RidgeHead().fit(X[OLD], y[OLD])
    calm, wild = (np.flatnonzero(part) + 1500 for part in (X[NEW, 2] < -0.5, X[NEW, 2] > 1))

    def covered(head: QuantileHead | RidgeHead, rows: np.ndarray) -> float:
        low, high = head.interval(X[rows]).T
        return float(((low <= y[rows]) & (y[rows] <= high)).mean())

    assert 0.86 < covered(quantile, np.arange(1500, 2000)) < 0.95
    assert covered(quantile, wild) > covered(ridge, wild) + 0.1
    widths = [np.ptp(quantile.interval(X[rows]), axis=1).mean() for rows in (calm, wild)]
    assert widths[1] > 1.5 * widths[0]
    assert quantile.tensors_["weight"][0].numpy() == pytest.approx([1, -0.5, 0, 0], abs=0.15)


def test_a_gaussian_process_is_less_sure_far_from_all_rows() -> None:
    x = DRAW.uniform(-2, 2, size=(300, 1))
    y = np.sin(3 * x[:, 0]) + 0.1 * DRAW.normal(size=300)
    head = GaussianProcessHead(points=60, steps=100).fit(x, y)
    at = np.array([[-1.0], [0.5], [1.2]])
    assert head.predict(at) == pytest.approx(np.sin(3 * at[:, 0]), abs=0.15)
    near, far = np.ptp(head.interval(np.array([[0.0], [6.0]])), axis=1)
    assert far > 2 * near


def test_a_gaussian_process_without_gpytorch_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gpytorch", None)
    with pytest.raises(HeadError, match=r"pip install 'latentopt\[gp\]'"):
        GaussianProcessHead().fit(X[:30], SIGNAL[:30])


def test_trees_say_what_scikit_learns_trees_say() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    y = np.sign(X[:, 0] * X[:, 1]) + 0.1 * DRAW.normal(size=2000)
    head = BoostingRegressor(trees=20).fit(X[:90], y[:90])  # of fewer than 100 rows none is set aside
    settings = {"max_iter": 20, "max_leaf_nodes": 15, "l2_regularization": 1.0, "early_stopping": False}
    theirs = HistGradientBoostingRegressor(**settings).fit(X[:90], y[:90] - y[:90].mean())
    assert head.predict(X) == pytest.approx(theirs.predict(X) + y[:90].mean())
    for classes in (np.where(y > 0, "b", "a"), np.digitize(y, [-1, 1])):
        ours = BoostingClassifier(trees=20).fit(X, classes)
        assert np.allclose(
            ours.predict_proba(X), HistGradientBoostingClassifier(**settings).fit(X, classes).predict_proba(X)
        )
    assert not head.differentiable


@pytest.mark.parametrize(
    "head",
    [
        OrdinalHead(),
        NegativeBinomialHead(),
        QuantileHead(),
        GaussianProcessHead(points=40, steps=20),
        BoostingRegressor(trees=10),
    ],
    ids=lambda head: head.kind,
)
class TestAll:
    def test_what_is_stored_predicts_alike(self, head: RidgeHead) -> None:
        grades = np.round(np.exp(SIGNAL)).clip(0, 9)[:400]
        head.fit(X[:400], grades)
        again = head_of(state_of(head))
        assert again.predict(X) == pytest.approx(head.predict(X), rel=1e-4, abs=1e-4)
        assert again.interval(X) == pytest.approx(head.interval(X), rel=1e-3, abs=0.02)  # variances cancel

    def test_the_gradient_is_that_of_finite_differences(self, head: RidgeHead) -> None:
        if not head.differentiable:
            pytest.skip("trees have none")
        head.fit(X[:300], np.round(np.exp(SIGNAL)).clip(0, 9)[:300])
        z = torch.tensor(X[300:303], requires_grad=True)
        assert torch.autograd.gradcheck(head.forward, (z,))

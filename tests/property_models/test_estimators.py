"""Every head is a scikit-learn estimator and a differentiable torch function, and both say the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.utils.estimator_checks import parametrize_with_checks

from property_models import (
    BoostingClassifier,
    BoostingRegressor,
    Classifier,
    GaussianProcessHead,
    HeadError,
    LogisticHead,
    MLPEnsembleClassifier,
    MLPEnsembleRegressor,
    NegativeBinomialHead,
    OrdinalHead,
    QuantileHead,
    Regressor,
    RidgeHead,
    head_of,
    state_of,
)

SMALL = {"members": 2, "hidden": 16, "epochs": 60, "batch_size": 64, "noise": 0.05, "learning_rate": 0.02}


@parametrize_with_checks(
    [
        RidgeHead(),
        LogisticHead(),
        MLPEnsembleRegressor(**SMALL),  # type: ignore[arg-type]
        MLPEnsembleClassifier(**SMALL),  # type: ignore[arg-type]
        OrdinalHead(),
        NegativeBinomialHead(),
        QuantileHead(),
        GaussianProcessHead(points=50, steps=30),
        BoostingRegressor(trees=30),
        BoostingClassifier(trees=30),
    ]
)
def test_scikit_learns_own_checks_pass(estimator, check) -> None:  # type: ignore[no-untyped-def]
    torch.set_num_threads(1)
    check(estimator)


def linear_data(n: int = 600, d: int = 8, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(n, d))
    return x, x @ np.linspace(-1, 1, d) + 0.3 * draw.normal(size=n)


REGRESSORS = [RidgeHead(), MLPEnsembleRegressor(**SMALL)]  # type: ignore[arg-type]
CLASSIFIERS = [LogisticHead(), MLPEnsembleClassifier(**SMALL)]  # type: ignore[arg-type]


@pytest.mark.parametrize("head", REGRESSORS, ids=lambda h: h.kind)
class TestRegressors:
    def test_forward_is_predict_on_the_score_scale(self, head: Regressor) -> None:
        x, y = linear_data()
        head.set_params(scale="log1p").fit(x, np.exp(y))
        score = head.forward(torch.tensor(x)).detach().numpy()
        assert np.allclose(np.maximum(np.expm1(score), 0), head.predict(x))
        head.set_params(scale="identity")

    def test_the_gradient_is_that_of_finite_differences(self, head: Regressor) -> None:
        x, y = linear_data()
        head.fit(x, y)
        z = torch.tensor(x[:3], requires_grad=True)
        assert torch.autograd.gradcheck(head.forward, (z,))

    def test_nine_of_ten_new_rows_lie_in_the_interval(self, head: Regressor) -> None:
        x, y = linear_data(3000)
        head.fit(x[:1500], y[:1500])
        low, high = head.interval(x[1500:]).T
        assert 0.85 < ((y[1500:] >= low) & (y[1500:] <= high)).mean() < 0.95

    def test_within_groups_it_learns_what_the_vector_says_and_not_who_wrote_it(self, head: Regressor) -> None:
        draw = np.random.default_rng(0)
        group = draw.integers(0, 20, 2000)
        level = draw.normal(scale=5, size=20)[group]  # groups explain most of the variance
        x = draw.normal(size=(2000, 6))
        x[:, 0] = level + 0.1 * draw.normal(size=2000)  # and the vector tells the group
        y = level + x[:, 1] + 0.3 * draw.normal(size=2000)
        head.fit(x, y, groups=group)
        z = torch.zeros(1, 6, dtype=torch.float64, requires_grad=True)
        head.forward(z).sum().backward()
        assert z.grad is not None
        assert abs(z.grad[0, 0]) < 0.2
        assert z.grad[0, 1] > 0.6

    def test_a_head_for_another_typical_value_is_shifted_by_it(self, head: Regressor) -> None:
        x, y = linear_data()
        head.set_params(scale="log1p").fit(x, np.exp(y), groups=np.arange(len(y)) % 5)
        other = head.with_typical(200)
        assert other.typical == pytest.approx(200)
        shift = other.forward(torch.tensor(x)) - head.forward(torch.tensor(x))
        assert torch.allclose(shift, torch.full_like(shift, np.log1p(200) - head.level))
        head.set_params(scale="identity")


@pytest.mark.parametrize("head", CLASSIFIERS, ids=lambda h: h.kind)
class TestClassifiers:
    def test_forward_is_the_log_odds_of_the_second_class(self, head: Classifier) -> None:
        x, y = linear_data()
        head.fit(x, np.where(y > 0, "good", "bad"))
        assert head.classes_.tolist() == ["bad", "good"]
        p = head.predict_proba(x)[:, 1]
        assert np.allclose(head.to_value(head.forward(torch.tensor(x))).detach().numpy(), p)
        assert ((p > 0.5) == (y > 0)).mean() > 0.85

    def test_a_class_of_three_is_a_head_of_its_own(self, head: Classifier) -> None:
        x, y = linear_data()
        head.fit(x, np.digitize(y, [-0.7, 0.7]))
        view = head.for_class(2)
        value = view.to_value(view.forward(torch.tensor(x))).detach().numpy()
        assert np.allclose(value, head.predict_proba(x)[:, 2])
        assert np.allclose(view.predict(x), value)
        with pytest.raises(HeadError, match="choose one with for_class: 0, 1, 2"):
            head.forward(torch.tensor(x))
        with pytest.raises(HeadError, match="'9' is no class of this head; it knows 0, 1, 2"):
            head.for_class("9")

    def test_one_class_is_refused(self, head: Classifier) -> None:
        with pytest.raises(HeadError, match="two classes or more, got one class"):
            head.fit(np.zeros((4, 2)), ["a"] * 4)


class TestRidge:
    def test_noise_is_the_penalty_that_it_amounts_to(self) -> None:
        x, y = linear_data(400)
        draw = np.random.default_rng(1)
        copies = np.concatenate([x[40:] + 0.7 * draw.normal(size=x[40:].shape) for _ in range(300)])
        exact = RidgeHead(alpha=0.0, noise=0.7).fit(x[40:], y[40:])
        sampled = RidgeHead(alpha=1e-9).fit(copies, np.tile(y[40:], 300))
        assert torch.allclose(exact.tensors_["weight"], sampled.tensors_["weight"], atol=0.06)

    def test_a_negative_count_is_refused(self) -> None:
        with pytest.raises(
            HeadError, match="the scale 'log1p' is for counts of at least 0, got -2; leave such rows out, or use"
        ):
            RidgeHead(scale="log1p").fit([[0.0], [1.0]], [1, -2])

    def test_an_unknown_scale_is_refused(self) -> None:
        with pytest.raises(HeadError, match="must be one of identity, log1p, log, logit, got 'sqrt'"):
            RidgeHead(scale="sqrt").fit([[0.0], [1.0]], [1, 2])

    def test_too_few_rows_give_no_interval(self) -> None:
        with pytest.raises(HeadError, match="fitted on 100 rows or more"):
            RidgeHead().fit([[0.0], [1.0]], [1, 2]).interval([[0.5]])

    def test_where_all_is_predicted_alike_nothing_has_less(self) -> None:
        x, y = linear_data(400)
        down = -np.abs(x[:, :1])
        alike = RidgeHead(positive=True).fit(down, 7.123456789 - down[:, 0])  # no weight above 0 helps
        for head in (alike, head_of(state_of(alike))):
            assert np.ptp(head.predict(down)) == 0
            assert (head.percentile(down) == 0).all()
        line = RidgeHead(alpha=0).fit(x, y)
        assert line.percentile(x).mean() == pytest.approx(0.5, abs=0.05)

    def test_a_typical_value_is_one_that_the_scale_has(self) -> None:
        x, y = linear_data()
        head = RidgeHead(scale="logit").fit(x, 1 / (1 + np.exp(-y)), groups=np.arange(600) % 5)
        head.name = "clicks"
        with pytest.raises(HeadError, match="clicks: a typical value is one of rates from 0 to 1, got 200"):
            head.with_typical(200)

    def test_a_typical_value_needs_groups(self) -> None:
        with pytest.raises(HeadError, match="fit it with groups"):
            RidgeHead().fit([[0.0], [1.0]], [1, 2]).with_typical(3)


def test_noise_makes_the_ensemble_smoother() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(500, 20))
    y = np.sign(x[:, 0]) + 0.5 * draw.normal(size=500)

    def slope(noise: float) -> float:
        head = MLPEnsembleRegressor(**{**SMALL, "noise": noise}).fit(x, y)  # type: ignore[arg-type]
        z = torch.tensor(x, requires_grad=True)
        head.forward(z).sum().backward()
        assert z.grad is not None
        return float(z.grad[:, 1:].norm())

    assert slope(1.0) < 0.7 * slope(0.0)


@pytest.mark.parametrize("rows", [150, 400])
def test_an_ensemble_learns_from_few_rows(rows: int) -> None:
    x, y = linear_data(rows + 1000, 16)
    assert MLPEnsembleRegressor().fit(x[:rows], y[:rows]).score(x[rows:], y[rows:]) > 0.8
    good = np.where(y > 0, "good", "bad")
    assert MLPEnsembleClassifier().fit(x[:rows], good[:rows]).score(x[rows:], good[rows:]) > 0.85

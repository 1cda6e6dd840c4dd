"""Terms of an objective on heads whose answers can be worked out by hand."""

import numpy as np
import pytest
import torch

from latentopt.editing.objectives import AtLeast, AtMost, Maximize, Minimize, Near, Target, Typical
from latentopt.errors import LatentoptError
from latentopt.space.density import LatentDensity
from property_models import LogisticHead, RidgeHead
from tests.toy_problems import LinearHead

FIRST = LinearHead(torch.tensor([1.0, 0.0, 0.0]))  # the score is the first coordinate
Z = torch.tensor([[0.0, 5.0, 0.0], [1.0, 0.0, 0.0], [3.0, 0.0, 1.0]])


@pytest.mark.parametrize(
    ("term", "losses"),
    [
        (Target(FIRST, 1), [1, 0, 4]),
        (AtLeast(FIRST, 1), [1, 0, 0]),
        (AtMost(FIRST, 1), [0, 0, 4]),
        (Maximize(FIRST), [0, -1, -3]),
        (Minimize(FIRST), [0, 1, 3]),
        (Near(torch.zeros(3, 3)), [25 / 3, 1 / 3, 10 / 3]),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, list) else "",
)
def test_each_term_has_the_losses_worked_out_by_hand(term, losses):
    assert term(Z).tolist() == pytest.approx(losses)


def test_a_loss_is_in_units_of_the_heads_scale():
    wide = LinearHead(FIRST.weight)
    wide.score_scale = 2.0
    assert Target(wide, 1)(Z).tolist() == pytest.approx([0.25, 0, 1])


def test_a_sum_is_the_weighted_sum_of_its_terms():
    goal = 2 * (Target(FIRST, 1) + 0.5 * Maximize(FIRST)) + Near(Z)
    assert goal(Z).tolist() == pytest.approx([2, -1, 5])
    assert [weight for weight, _ in goal.terms] == [2, 1, 1]


def test_a_wish_may_name_one_value_for_each_row():
    goal = Target(FIRST, [0.0, 1.0, 5.0]) + Near(Z)
    assert goal(Z).tolist() == [0, 0, 4]
    rows = torch.tensor([2, 2, 0])
    assert goal.take(rows)(Z[rows]).tolist() == [4, 4, 0]


def test_a_wish_is_reached_within_the_heads_tolerance():
    assert Target(FIRST, 1.2)(Z).argmin() == 1
    assert Target(FIRST, 1.2).reached(Z).tolist() == [False, True, False]
    assert AtLeast(FIRST, 1).reached(Z).tolist() == [False, True, True]
    assert AtMost(FIRST, 1).reached(Z).tolist() == [True, True, False]
    assert Maximize(FIRST).reached(Z) is None


def test_beyond_a_target_lies_farther_the_same_way():
    beyond = Target(FIRST, 1).beyond(Z, 3)
    assert beyond.score.tolist() == [3, 1, -3]  # from 0, 1 and 3: three times the way to 1
    assert Target(FIRST, 1).score == 1  # the wish itself stays


@pytest.mark.parametrize(("wish", "aim"), [(Maximize(FIRST), [2, 3, 5]), (Minimize(FIRST), [-2, -1, 1])])
def test_a_wish_without_an_end_aims_a_number_of_scales_away(wish, aim):
    assert wish.beyond(Z, 2).score.tolist() == aim


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [[1.0]]])
def test_a_value_that_no_property_has_is_refused(value):
    with pytest.raises(LatentoptError, match="a wish for likes is a number that it could have, or one for each text"):
        Target(FIRST, value)


def test_a_negative_count_is_refused():
    head = RidgeHead(scale="log1p").fit(np.random.default_rng(0).normal(size=(30, 3)), np.arange(30))
    head.name = "likes"
    with pytest.raises(LatentoptError, match="a wish for likes is a number that it could have"):
        Target(head, -5)


def test_the_classes_of_a_classifier_are_properties():
    x = np.random.default_rng(0).normal(size=(300, 3))
    head = LogisticHead().fit(x, np.where(x[:, 0] > 0, "warm", "cold"))
    z = torch.tensor(x[:20], dtype=torch.float32)
    warm, cold = (Maximize(head.for_class(label))(z) for label in ("warm", "cold"))
    assert torch.allclose(warm, -cold, atol=1e-5)
    assert (warm < 0).tolist() == (head.predict(x[:20]) == "warm").tolist()
    assert (
        Target(head.for_class("warm"), 0.5)(z).argmin()
        == head.predict_proba(x[:20])[:, 1].__sub__(0.5).__abs__().argmin()
    )


def test_typical_latents_cost_nothing_and_others_do():
    density = LatentDensity.fit(torch.randn(2000, 8, generator=torch.Generator().manual_seed(0)))
    term = Typical(density)
    z = torch.stack([torch.zeros(8), torch.full((8,), 4.0)])
    assert term(z)[0] == 0
    assert term(z)[1] > 5


def test_every_term_is_differentiable():
    density = LatentDensity.fit(torch.randn(100, 3, generator=torch.Generator().manual_seed(0)))
    goal = Target(FIRST, 9) + AtLeast(FIRST, 9) + AtMost(FIRST, -9) + Maximize(FIRST) + Near(Z) + Typical(density)
    z = (Z + 10).requires_grad_()
    (gradient,) = torch.autograd.grad(goal(z).sum(), z)
    assert (gradient != 0).all()

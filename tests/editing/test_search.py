"""The loop on problems with known answers."""

import pytest
import torch

from latentopt.editing.ball import Ball
from latentopt.editing.objectives import Maximize, Objective, Target
from latentopt.editing.optimizers.gradient import PreconditionedGradient
from latentopt.editing.optimizers.lbfgs import LBFGS
from latentopt.editing.optimizers.random_search import RandomSearch
from latentopt.editing.search import points_along, search
from tests.toy_problems import LinearHead, Quadratic, covariance

D = 16
HEAD = LinearHead(torch.randn(D, generator=torch.Generator().manual_seed(0)))


class Counting(Objective):
    """A goal that counts how often it is asked."""

    def __init__(self, goal):
        self.goal = goal
        self.asked = 0

    def __call__(self, z):
        self.asked += 1
        return self.goal(z)


def test_points_lie_at_shares_of_the_way():
    corner = torch.tensor([[[0.0, 0.0]], [[3.0, 0.0]], [[3.0, 1.0]]])  # 3 east, 1 north
    points = points_along(corner, torch.tensor([[0.0], [0.5], [0.75], [0.875], [1.0]]))
    assert points[:, 0].tolist() == [[0, 0], [2, 0], [3, 0], [3, 0.5], [3, 1]]


def test_a_way_is_drawn_back_to_what_is_near_its_start():
    bent = torch.tensor([[1.0, 1.0], [1.5, 1.0], [5.0, 1.0], [1.0, 7.0], [1.0, 1.5]])[:, None]
    near = Ball(torch.ones(1, 2), torch.tensor([[2.0]]), torch.eye(2)).project(bent.transpose(0, 1))
    assert near[0].tolist() == [[1, 1], [1.5, 1], [3, 1], [1, 3], [1, 1.5]]


def test_a_way_of_no_length_has_its_start_everywhere():
    still = torch.ones(4, 1, 3)
    assert torch.equal(points_along(still, torch.tensor([[0.0], [1.0]])), torch.ones(2, 1, 3))


def test_rows_stay_within_their_radius():
    radius = torch.tensor([2.0, 0.5, 0.0])
    way = search(Maximize(HEAD), torch.zeros(3, D), PreconditionedGradient(torch.eye(D)), radius=radius)
    assert (way.path.norm(dim=2) <= radius + 1e-5).all()
    assert torch.allclose(way.path[-1].norm(dim=1), radius, atol=1e-3)


@pytest.mark.parametrize("how", [PreconditionedGradient, LBFGS])
def test_rows_that_have_come_to_the_radius_go_on_along_it(how):
    # Projected after it was accepted, a step would lead a row to the surface and no farther: the next would be compared
    # with a loss that the row does not have.
    way = search(Target(HEAD, 50), torch.zeros(4, D), how(covariance(D) + 0.1 * torch.eye(D)), steps=40, radius=2.0)
    best = Target(HEAD, 50)(2 * HEAD.weight[None] / HEAD.weight.norm())
    assert way.loss[-1].max() < 1.02 * best.item()
    on_surface = (way.path.norm(dim=2) > 1.999).all(1).nonzero()[0].item()
    assert (way.loss[on_surface] > way.loss[-1] + 1).all()


@pytest.mark.parametrize("how", [PreconditionedGradient, LBFGS])
def test_a_radius_in_standard_deviations_leads_farther_where_texts_vary_more(how):
    spread = covariance(D)
    way = search(Maximize(HEAD), torch.zeros(2, D), how(spread), steps=80, radius=2.0, covariance=spread)
    best = 2 * spread @ HEAD.weight / (HEAD.weight @ spread @ HEAD.weight).sqrt()  # of a linear goal on an ellipsoid
    assert torch.allclose(HEAD.forward(way.path[-1]), HEAD.forward(best[None]), rtol=0.02)
    assert ((way.path @ torch.linalg.inv(spread)) * way.path).sum(2).sqrt().max() <= 2 + 1e-3


def test_what_is_reported_is_the_loss_of_where_a_row_is():
    goal = Target(HEAD, 50)
    way = search(goal, torch.zeros(2, D), PreconditionedGradient(torch.eye(D)), radius=2.0, steps=10)
    assert torch.allclose(way.loss, torch.stack([goal(z) for z in way.path]), rtol=1e-4)


class TestStatus:
    GOAL = Quadratic(torch.ones(D), torch.eye(D))

    def test_rows_converge_each_for_itself_and_the_search_ends_with_the_last(self):
        start = torch.stack([torch.ones(D), torch.zeros(D)])
        goal = Counting(self.GOAL)
        way = search(goal, start, LBFGS(torch.eye(D)), steps=50)
        assert way.status == ["converged", "converged"]
        assert way.path.shape == (51, 2, D)
        assert goal.asked < 30

    def test_steps_are_used_up(self):
        assert search(self.GOAL, torch.zeros(1, D), RandomSearch(torch.eye(D)), steps=3).status == ["steps used up"]

    def test_no_step_is_a_way_too(self):
        way = search(self.GOAL, torch.zeros(1, D), RandomSearch(torch.eye(D)), steps=0)
        assert way.path.shape == (1, 1, D)
        assert way.status == ["steps used up"]

    def test_a_gradient_that_is_no_number_is_not_followed(self):
        class Corner(Objective):
            def __call__(self, z):
                return z[:, 0].clamp_min(0).sqrt()  # at 0 the slope is infinite

        start = torch.tensor([[0.0, 1.0], [1.0, 1.0]])
        way = search(Corner(), start, PreconditionedGradient(torch.eye(2)), steps=5)
        assert way.status[0] == "not finite"
        assert torch.equal(way.path[-1, 0], start[0])
        assert way.loss[-1, 1] < 1

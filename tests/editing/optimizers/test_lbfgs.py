import pytest
import torch

from latentopt.editing.optimizers.gradient import PreconditionedGradient
from latentopt.editing.optimizers.lbfgs import LBFGS
from latentopt.editing.search import search
from tests.toy_problems import Quadratic, Rosenbrock, covariance

START = torch.tensor([[-0.5, 0.5, 0.0], [2.0, 2.0, 2.0], [0.0, 0.0, 0.0], [1.2, 0.8, 1.5]])


def test_a_bent_valley_is_followed_to_its_end():
    way = search(Rosenbrock(), START, LBFGS(torch.eye(3)), steps=100)
    assert torch.allclose(way.path[-1], torch.ones(4, 3), atol=1e-4)
    assert way.status == ["converged"] * 4


@pytest.mark.parametrize("curvature", [torch.eye(6), torch.linalg.inv(covariance(6, seed=3))], ids=["round", "long"])
def test_it_learns_the_curvature_where_the_covariance_is_that_of_other_things(curvature):
    best = torch.arange(6.0)
    goal = Quadratic(best, curvature)
    quick, plain = (
        search(goal, torch.zeros(1, 6), how(covariance(6)), steps=60) for how in (LBFGS, PreconditionedGradient)
    )
    assert torch.allclose(quick.path[-1], best[None], atol=1e-2)
    assert quick.loss[-1] < 1e-3 * plain.loss[-1]


def test_on_a_quadratic_no_more_steps_are_needed_than_there_are_dimensions_and_a_few():
    way = search(
        Quadratic(torch.arange(6.0), torch.diag(torch.arange(1.0, 7))), torch.zeros(1, 6), LBFGS(torch.eye(6)), steps=14
    )
    assert way.loss[-1] < 1e-6 * way.loss[0]

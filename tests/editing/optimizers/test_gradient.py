import pytest
import torch

from latentopt.editing.objectives import Near, Target
from latentopt.editing.optimizers.gradient import PreconditionedGradient
from latentopt.editing.search import search
from tests.toy_problems import CurvedHead, LinearHead, covariance

D = 12


@pytest.fixture
def start():
    return torch.randn(7, D, generator=torch.Generator().manual_seed(1))


def test_a_linear_target_is_reached_along_the_covariance_times_the_gradient(start):
    head = LinearHead(torch.randn(D, generator=torch.Generator().manual_seed(2)))
    path = search(Target(head, 5), start, PreconditionedGradient(covariance(D)), steps=60).path
    assert torch.allclose(head.forward(path[-1]), torch.full((7,), 5.0), atol=0.01)
    way = torch.nn.functional.normalize(path[-1] - start, dim=1)
    known = torch.nn.functional.normalize(covariance(D) @ head.weight, dim=0)
    assert torch.allclose((way @ known).abs(), torch.ones(7), atol=1e-4)


def test_of_a_linear_discriminant_the_way_is_the_difference_of_class_means():
    spread = covariance(D)
    root = torch.linalg.cholesky(spread)
    generator = torch.Generator().manual_seed(3)
    difference = torch.randn(D, generator=generator)
    x = torch.randn(20000, D, generator=generator) @ root.T
    x[10000:] += difference
    within = torch.cov(torch.cat([x[:10000], x[10000:] - difference]).T)
    head = LinearHead(torch.linalg.solve(within, x[10000:].mean(0) - x[:10000].mean(0)))  # Fisher's discriminant
    start = torch.zeros(1, D)
    path = search(Target(head, 9), start, PreconditionedGradient(within)).path
    assert torch.cosine_similarity(path[-1], difference[None]).item() > 0.99


def test_no_step_raises_the_loss_of_any_row(start):
    goal = Target(CurvedHead(torch.ones(D)), 20) + 0.1 * Near(start)
    path = search(goal, start, PreconditionedGradient(covariance(D), first_step=50.0), steps=30).path
    losses = torch.stack([goal(z) for z in path])
    assert (losses[1:] <= losses[:-1] + 1e-6).all()
    assert (losses[-1] < losses[0]).all()


def test_rows_do_not_disturb_each_other(start):
    goal = Target(CurvedHead(torch.ones(D)), 20)
    together = search(goal, start, PreconditionedGradient(covariance(D))).path
    alone = search(goal, start[:1], PreconditionedGradient(covariance(D))).path
    assert torch.allclose(together[:, :1], alone, atol=1e-3)


def test_where_nothing_is_to_gain_nothing_moves(start):
    head = LinearHead(torch.zeros(D))
    path = search(Target(head, 5), start, PreconditionedGradient(covariance(D))).path
    assert torch.equal(path[-1], start)

import torch

from latentopt.editing.objectives import Target
from latentopt.editing.optimizers.gradient import PreconditionedGradient
from latentopt.editing.optimizers.random_search import RandomSearch
from latentopt.editing.search import search
from tests.toy_problems import CurvedHead, covariance

START = torch.zeros(5, 12)
GOAL = Target(CurvedHead(torch.ones(12)), 4.0)


def test_the_gradient_needs_fewer_steps():
    informed, blind = (
        search(GOAL, START, how(covariance(12)), steps=20).loss[-1].mean()
        for how in (PreconditionedGradient, RandomSearch)
    )
    assert informed < 0.5 * blind


def test_the_step_grows_where_all_proposals_succeed_and_shrinks_where_none_does():
    far = search(
        Target(CurvedHead(torch.full((2,), 1e4)), 0.0), torch.zeros(1, 2), RandomSearch(torch.eye(2)), steps=80
    )
    moves = (far.path[1:] - far.path[:-1]).norm(dim=2)
    assert moves.max() > 10  # a standard deviation of 0.1 at first
    best = search(Target(CurvedHead(torch.zeros(2)), 0.0), torch.zeros(1, 2), RandomSearch(torch.eye(2)), steps=200)
    assert best.status == ["converged"]

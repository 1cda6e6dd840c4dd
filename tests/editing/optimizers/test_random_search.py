import torch

from latentopt.editing.objectives import Target
from latentopt.editing.optimizers import PreconditionedGradient, RandomSearch
from latentopt.editing.search import optimize
from tests.toy_problems import CurvedHead, covariance

START = torch.zeros(5, 12)
GOAL = Target(CurvedHead(torch.ones(12)), 4.0)


def test_the_loss_falls_and_never_rises():
    path = optimize(GOAL, START, RandomSearch(covariance(12)), steps=200)
    losses = torch.stack([GOAL(z) for z in path])
    assert (losses[1:] <= losses[:-1]).all()
    assert (losses[-1] < 0.1 * losses[0]).all()


def test_the_same_seed_takes_the_same_way():
    ways = [optimize(GOAL, START, RandomSearch(covariance(12), seed=seed), steps=10) for seed in (0, 0, 1)]
    assert torch.equal(ways[0], ways[1])
    assert not torch.equal(ways[0], ways[2])


def test_the_gradient_needs_fewer_steps():
    ways = [optimize(GOAL, START, how(covariance(12)), steps=20) for how in (PreconditionedGradient, RandomSearch)]
    informed, blind = (GOAL(way[-1]).mean() for way in ways)
    assert informed < 0.5 * blind

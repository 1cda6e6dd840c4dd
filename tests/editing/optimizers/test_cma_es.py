import torch

from latentopt.editing.objectives import BlackBox
from latentopt.editing.optimizers.cma_es import CMAES
from latentopt.editing.search import search
from tests.toy_problems import Rosenbrock


def test_a_bent_valley_is_followed_to_its_end_without_a_gradient():
    goal = BlackBox(Rosenbrock())
    way = search(goal, torch.zeros(2, 3), CMAES(torch.eye(3)), steps=150, seed=[0, 1])
    assert torch.allclose(way.path[-1], torch.ones(2, 3), atol=1e-3)
    assert not torch.equal(way.path[1, 0], way.path[1, 1])


def test_an_infinite_loss_is_the_worst_and_stops_nothing():
    goal = BlackBox(lambda z: torch.where(z[:, 0] > 0.1, torch.inf, (z - 1).square().sum(1)))
    way = search(goal, torch.zeros(1, 2), CMAES(torch.eye(2)), steps=60)
    assert way.status != ["not finite"]
    assert torch.allclose(way.path[-1], torch.tensor([[0.1, 1.0]]), atol=0.01)

import sys

import pytest
import torch

from latentopt.editing.objectives import BlackBox, Target
from latentopt.editing.optimizers.bayesian import TrustRegionBayes
from latentopt.editing.optimizers.random_search import RandomSearch
from latentopt.editing.search import search
from latentopt.errors import LatentoptError
from tests.toy_problems import LinearHead

D = 40
GOAL = BlackBox(Target(LinearHead(torch.ones(D) / D**0.5), 4.0))
START = torch.zeros(1, D)


def test_of_few_evaluations_in_many_dimensions_it_makes_more_than_random_search():
    wise = search(GOAL, START, TrustRegionBayes(torch.eye(D), batch=4), steps=8)
    blind = search(GOAL, START, RandomSearch(torch.eye(D)), steps=32)
    assert wise.loss[-1] < 0.5 * blind.loss[-1]


def test_an_infinite_loss_is_the_worst_and_stops_nothing():
    goal = BlackBox(lambda z: torch.where(z[:, 0] > 0.1, torch.inf, (z - 1).square().sum(1)))
    way = search(goal, torch.zeros(1, 2), TrustRegionBayes(torch.eye(2)), steps=5)
    assert way.status == ["steps used up"]
    assert way.loss[-1] < way.loss[0]


def test_without_botorch_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "botorch", None)
    with pytest.raises(
        LatentoptError, match=r"needs BoTorch, which is not installed .*: pip install 'latentopt\[bo\]'"
    ):
        search(GOAL, START, TrustRegionBayes(torch.eye(D)))

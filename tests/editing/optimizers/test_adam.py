import torch

from latentopt.editing.optimizers.adam import Adam
from latentopt.editing.search import search
from tests.toy_problems import Quadratic, covariance


def test_the_first_step_goes_as_far_along_each_axis_as_texts_vary_there():
    spread = covariance(4)
    way = search(Quadratic(torch.ones(4), torch.eye(4)), torch.zeros(1, 4), Adam(spread, rate=0.1), steps=1)
    variance, axes = torch.linalg.eigh(spread)
    assert torch.allclose((way.path[1, 0] @ axes).abs(), 0.1 * variance.sqrt(), rtol=1e-4)


def test_momentum_may_raise_the_loss_and_the_best_is_remembered():
    way = search(Quadratic(torch.ones(4), torch.eye(4)), torch.zeros(1, 4), Adam(torch.eye(4), rate=1.0), steps=40)
    assert (way.loss[1:] > way.loss[:-1]).any()
    assert Quadratic(torch.ones(4), torch.eye(4))(way.best) == way.loss.min()

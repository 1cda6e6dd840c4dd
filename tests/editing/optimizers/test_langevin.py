import torch

from latentopt.editing.optimizers.langevin import Langevin
from latentopt.editing.search import search
from tests.toy_problems import Quadratic, covariance

SPREAD = covariance(2)
BEST = torch.linalg.cholesky(SPREAD) @ torch.tensor([1.0, -1.0])
GOAL = Quadratic(BEST, torch.linalg.inv(SPREAD))
ROWS = 1500


def whitened(z):
    return torch.linalg.solve(torch.linalg.cholesky(SPREAD), z.T).T


def samples(**settings):
    how = Langevin(SPREAD, **settings)
    return search(GOAL, torch.zeros(ROWS, 2), how, steps=60, seed=range(ROWS)).path[-1]


def test_samples_have_the_mean_and_the_covariance_of_the_energy():
    u = whitened(samples(temperature=0.5))
    assert torch.allclose(u.mean(0), torch.tensor([1.0, -1.0]), atol=0.1)
    assert torch.allclose(torch.cov(u.T), 0.5 * torch.eye(2), atol=0.08)  # exp(-loss / 0.5) is Gaussian, and has this


def test_without_temperature_it_is_a_descent():
    z = samples(temperature=0.0)
    assert (z - z[0]).abs().max() < 1e-5
    assert torch.allclose(whitened(z[:1])[0], torch.tensor([1.0, -1.0]), atol=0.1)

import pytest
import torch
from torch.nn import functional as F

from latentopt.directions import ShrunkDifference, mean_difference, paired

D = 64
SPREAD = torch.logspace(0.3, -0.7, D)  # standard deviations of the latent dimensions
TRUTH = SPREAD.square() * torch.where(torch.arange(D) % 2 == 0, 1.0, -1.0)
COVARIANCE = torch.diag(SPREAD.square())


def fitted(miner, n, *, seed):
    noise = SPREAD * torch.randn(n, D, generator=torch.Generator().manual_seed(seed)) * 4
    mean, error = paired(TRUTH + noise)
    return miner(mean[None], error[None])[0]


@pytest.mark.parametrize("n", [5, 20])
def test_few_pairs_come_closer_to_the_truth_than_their_mean_does(n):
    def distance(miner):
        return sum(float((fitted(miner, n, seed=seed) - TRUTH).norm()) for seed in range(20))

    assert distance(ShrunkDifference(COVARIANCE)) < 0.9 * distance(mean_difference)


def test_many_pairs_are_taken_at_their_mean():
    mean, shrunk = (fitted(miner, 100_000, seed=0) for miner in (mean_difference, ShrunkDifference(COVARIANCE)))
    assert F.cosine_similarity(mean, shrunk, dim=0) > 0.999
    assert shrunk.norm() / mean.norm() > 0.99


def test_what_is_noise_loses_its_length():
    noise = SPREAD * torch.randn(20, D, generator=torch.Generator().manual_seed(0))
    mean, error = paired(noise)
    assert ShrunkDifference(COVARIANCE)(mean[None], error[None]).norm() < 0.35 * mean.norm()


def test_dimensions_without_variance_are_left_out():
    covariance = torch.diag(torch.tensor([1.0, 1.0, 0.0]))
    direction = ShrunkDifference(covariance)(torch.tensor([[1.0, 1.0, 1.0]]), torch.tensor([0.1]))
    assert direction[0, 2].abs() < 1e-6 < direction[0, 0]


def test_works_in_any_basis_and_on_many_means_at_once():
    generator = torch.Generator().manual_seed(0)
    turn, _ = torch.linalg.qr(torch.randn(D, D, generator=generator))
    mean, noise = torch.randn(5, D, generator=generator), torch.rand(5, generator=generator) * 30
    there = ShrunkDifference(turn @ COVARIANCE @ turn.T)(mean @ turn.T, noise) @ turn
    torch.testing.assert_close(there, ShrunkDifference(COVARIANCE)(mean, noise), atol=1e-4, rtol=1e-3)
    one = ShrunkDifference(COVARIANCE)(mean[2:3], noise[2:3])
    torch.testing.assert_close(one[0], ShrunkDifference(COVARIANCE)(mean, noise)[2])

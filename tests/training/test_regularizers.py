"""The regularizers tell a batch of N(0, I) from one that is not."""

from __future__ import annotations

import os

import pytest
import torch
from torch.multiprocessing.spawn import spawn

from latentopt.training import regularizers

DRAWS = 30


def half_collapsed(z: torch.Tensor) -> torch.Tensor:
    return torch.cat([z[:, : z.shape[1] // 2], torch.zeros_like(z[:, z.shape[1] // 2 :])], 1)


BAD = {
    "collapsed": lambda z: 0.1 * z,
    "half collapsed": half_collapsed,
    "shifted": lambda z: z + 0.5,
    "over-dispersed": lambda z: 1.5 * z,
}


class TestMMD:
    @pytest.mark.parametrize("d", [32, 256, 1024])
    @pytest.mark.parametrize("n", [32, 256, 1024])
    def test_separates_every_bad_batch_from_fresh_prior_draws_by_a_factor_of_two(self, n: int, d: int) -> None:
        torch.manual_seed(n + d)
        fresh = max(regularizers.mmd(torch.randn(n, d), torch.randn(n, d)).item() for _ in range(DRAWS))
        for name, spoil in BAD.items():
            lowest = min(regularizers.mmd(spoil(torch.randn(n, d)), torch.randn(n, d)).item() for _ in range(DRAWS))
            assert lowest > 2 * fresh, f"{name}: {lowest} against {fresh}"

    def test_is_about_zero_for_the_prior_itself(self) -> None:
        torch.manual_seed(0)
        scores = torch.stack([regularizers.mmd(torch.randn(64, 16), torch.randn(64, 16)) for _ in range(200)])
        assert abs(scores.mean()) < 3 * scores.std() / 200**0.5

    def test_descending_it_turns_a_collapsed_batch_into_a_gaussian_one(self) -> None:
        torch.manual_seed(0)
        z = torch.nn.Parameter(0.05 * torch.randn(256, 8) + 1)
        optimizer = torch.optim.Adam([z], lr=0.05)
        for _ in range(400):
            optimizer.zero_grad()
            regularizers.mmd(z, torch.randn(256, 8)).backward()
            optimizer.step()
        assert z.mean().abs() < 0.15
        assert 0.75 < z.std() < 1.25

    def test_needs_two_rows(self) -> None:
        with pytest.raises(ValueError, match="at least two latents and two prior draws, got 1 and 3"):
            regularizers.mmd(torch.zeros(1, 4), torch.zeros(3, 4))


class TestKL:
    def test_equals_torch_distributions(self) -> None:
        torch.manual_seed(0)
        mean, log_variance = torch.randn(50, 6), torch.randn(50, 6)
        posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
        prior = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
        expected = torch.distributions.kl_divergence(posterior, prior).sum(1).mean()
        assert torch.allclose(regularizers.kl(mean, log_variance), expected, atol=1e-4)

    def test_free_bits_give_a_collapsed_dimension_no_gradient(self) -> None:
        mean = torch.full((10, 2), 1e-3)
        mean[:, 1] = 2.0
        mean.requires_grad_()
        regularizers.kl(mean, torch.zeros(10, 2), free_bits=0.1).backward()
        assert mean.grad is not None
        assert (mean.grad[:, 0] == 0).all()
        assert (mean.grad[:, 1] > 0).all()


def _one_of_two_processes(rank: int, port: int, whole: torch.Tensor, queue: torch.multiprocessing.Queue) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    mine = whole.chunk(2)[rank].clone().requires_grad_()
    prior = torch.randn(whole.shape, generator=torch.Generator().manual_seed(5))
    score = regularizers.mmd(regularizers.gathered(mine), prior)
    score.backward()
    queue.put((rank, score.item(), mine.grad.tolist()))  # type: ignore[union-attr]
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
    os._exit(0)  # on a busy machine threads of torch outlive the interpreter, whose end then aborts


def test_two_processes_compute_the_mmd_of_the_gathered_batch(free_port: int) -> None:
    whole = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
    queue = torch.multiprocessing.get_context("spawn").SimpleQueue()
    spawn(_one_of_two_processes, args=(free_port, whole, queue), nprocs=2)
    results = sorted(queue.get() for _ in range(2))
    single = whole.clone().requires_grad_()
    prior = torch.randn(whole.shape, generator=torch.Generator().manual_seed(5))
    expected = regularizers.mmd(single, prior)
    expected.backward()
    for _, score, _ in results:
        assert score == pytest.approx(expected.item(), abs=1e-6)
    # Data-parallel training averages the gradients of the two processes, which undoes the factor of two.
    gradient = torch.cat([torch.tensor(grad) for _, _, grad in results]) / 2
    assert single.grad is not None
    assert torch.allclose(gradient, single.grad, atol=1e-6)


class TestMoments:
    def test_the_prior_scores_nought_on_average(self) -> None:
        scores = torch.stack([regularizers.moments(torch.randn(64, 32)) for _ in range(DRAWS)])
        assert abs(scores.mean()) < 3 * scores.std() / DRAWS**0.5 + 0.01

    def test_it_is_the_distance_of_the_moments(self) -> None:
        # Many draws of z = mean + scale e, whose moments are known.
        mean, scale = torch.tensor([0.5, 0.0, 0.0, 0.0]), torch.tensor([1.0, 0.5, 0.0, 2.0])
        z = mean + scale * torch.randn(4000, 4, generator=torch.Generator().manual_seed(0))
        second = torch.diag(scale**2) + torch.outer(mean, mean)
        expected = (2 * mean.square().sum() + (second - torch.eye(4)).square().sum()) / 4
        assert regularizers.moments(z).item() == pytest.approx(expected.item(), rel=0.1)

    def test_dimensions_that_copy_others_are_seen_in_a_small_batch(self) -> None:
        z = torch.randn(64, 32)
        copied = torch.cat([z[:, :16], z[:, :16]], 1)
        assert regularizers.moments(copied) > regularizers.moments(z) + 0.5

    def test_one_latent_is_too_few(self) -> None:
        with pytest.raises(ValueError, match="at least two latents, got 1"):
            regularizers.moments(torch.randn(1, 4))

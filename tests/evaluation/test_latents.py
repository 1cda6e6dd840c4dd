"""Latents that are N(0, I) pass, and others do not."""

import pytest
import torch

from latentopt.evaluation import dimensions, latent_health, mmd_test


def normal(n=400, d=32, *, seed=1):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_the_prior_passes_at_the_rate_that_p_promises():
    passed = sum(mmd_test(normal(100, 8, seed=seed), permutations=99, seed=seed)[1] > 0.1 for seed in range(50))
    assert 39 <= passed <= 50  # of 50 draws with a chance of 0.9


@pytest.mark.parametrize(
    "spoil",
    [
        lambda z: 1.3 * z,
        lambda z: z + 0.3,
        lambda z: torch.cat([z[:, :16], z[:, :16]], 1),
        lambda z: z * torch.linspace(0.2, 1.6, len(z))[:, None],
    ],
    ids=["wider", "shifted", "correlated", "of several widths"],
)
def test_others_do_not(spoil):
    assert mmd_test(spoil(normal()))[1] < 0.01


def test_p_is_the_share_of_divisions_with_as_large_an_mmd():
    z = normal(30, 4) + 1
    assert mmd_test(z, permutations=99)[1] == 0.01  # no random division comes near


def test_health_of_the_prior():
    health = latent_health(normal(5000, 16))
    assert health["active_units"] == 1
    assert health["effective_dimension"] == pytest.approx(16, rel=0.05)
    assert health["std"] == pytest.approx(1, abs=0.02)
    assert health["norm"] == pytest.approx(1, abs=0.02)
    assert health["norm_std"] == pytest.approx((2 / 16) ** 0.5, abs=0.02)
    assert health["mmd_texts"] == 1000


def test_dead_and_doubled_dimensions_are_seen():
    z = normal(1000, 8)
    dead = latent_health(torch.cat([z, torch.zeros(1000, 8)], 1))
    assert dead["active_units"] == 0.5
    assert dead["effective_dimension"] == pytest.approx(8, rel=0.1)
    assert latent_health(torch.cat([z, z], 1))["effective_dimension"] == pytest.approx(8, rel=0.1)


def test_statistics_of_each_dimension():
    skewed = -torch.rand(20000, 1, generator=torch.Generator().manual_seed(0)).log()  # exponential
    found = dimensions(torch.cat([normal(20000, 1), skewed], 1))
    for name, expected in {"mean": [0, 1], "variance": [1, 1], "skewness": [0, 2], "kurtosis": [0, 6]}.items():
        assert found[name] == pytest.approx(expected, abs=0.15 if name != "kurtosis" else 1)


def test_a_direction_without_variance_is_no_active_axis():
    flat = torch.cat([normal(d=16), torch.zeros(400, 16)], 1)
    turned = flat @ torch.linalg.qr(normal(32, 32)).Q
    health = latent_health(turned)
    assert health["active_units"] == 1
    assert health["active_axes"] == 0.5

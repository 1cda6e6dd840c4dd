import pytest
import torch
from torch.distributions import MultivariateNormal

from latentopt.errors import LatentoptError
from latentopt.space.density import LatentDensity
from tests.toy_problems import covariance

D = 6


@pytest.fixture(scope="module")
def latents():
    root = torch.linalg.cholesky(covariance(D))
    return 2 + torch.randn(5000, D, generator=torch.Generator().manual_seed(0)) @ root.T


@pytest.fixture(scope="module")
def density(latents):
    return LatentDensity.fit(latents)


def test_log_densities_differ_as_those_of_the_fitted_gaussian(density, latents):
    gaussian = MultivariateNormal(density.mean, density.covariance)
    ours, known = density.log_density(latents[:50]), gaussian.log_prob(latents[:50])
    assert torch.allclose(ours - ours[0], known - known[0], atol=1e-3)


def test_the_covariance_is_that_of_the_latents(density):
    assert torch.allclose(density.covariance, covariance(D), atol=0.3)


def test_typicality_is_the_share_of_latents_that_are_less_typical(density, latents):
    typicality = density.typicality(latents)
    assert typicality.mean().item() == pytest.approx(0.5, abs=0.01)
    order = density.log_density(latents).argsort()
    assert (typicality[order].diff() >= 0).all()
    assert density.typicality(density.mean[None]).item() == 1
    assert density.typicality(density.mean[None] + 100).item() == 0


def test_log_density_is_differentiable(density):
    z = (density.mean[None] + 1).requires_grad_()
    (gradient,) = torch.autograd.grad(density.log_density(z).sum(), z)
    known = -torch.linalg.solve(density.covariance, torch.ones(D))
    assert torch.allclose(gradient[0], known, rtol=1e-2)


def test_fewer_texts_than_dimensions_still_have_a_density():
    density = LatentDensity.fit(torch.randn(3, D, generator=torch.Generator().manual_seed(0)))
    assert torch.isfinite(density.log_density(torch.zeros(2, D))).all()


def test_a_saved_density_is_the_same(density, latents, tmp_path):
    density.save_pretrained(tmp_path / "density.safetensors")
    again = LatentDensity.from_pretrained(tmp_path / "density.safetensors")
    assert torch.equal(again.log_density(latents[:9]), density.log_density(latents[:9]))
    assert torch.equal(again.typicality(latents[:9]), density.typicality(latents[:9]))


def test_a_damaged_file_is_an_error(density, tmp_path):
    file = tmp_path / "density.safetensors"
    density.save_pretrained(file)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(LatentoptError, match="this is no density of latents"):
        LatentDensity.from_pretrained(file)


@pytest.mark.parametrize("shape", [(5,), (1, 5)])
def test_latents_of_another_shape_are_refused(shape):
    with pytest.raises(LatentoptError, match=r"a density is fitted to latents of shape \(n, d\) with n of 2 or more"):
        LatentDensity.fit(torch.zeros(shape))

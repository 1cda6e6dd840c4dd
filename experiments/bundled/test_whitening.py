"""Whitened latents are as the prior's, and decode as before."""

from functools import cache

import pytest
import torch
from whitening import whitened

from latentopt import LatentoptError, LatentSpace
from latentopt.evaluation import latent_health, reconstruction
from latentopt.model import T5VAE
from tests.toy import toy_config, toy_space, toy_texts

TEXTS = toy_texts(1000, seed=4)


@cache
def white():
    return whitened(toy_space(), TEXTS)


def test_covariance_and_mean_are_the_priors():
    z = white().encode(TEXTS)
    assert torch.allclose(torch.cov(z.T), torch.eye(16), atol=0.15)
    assert z.mean(0).abs().max() < 0.1
    old, new = latent_health(toy_space().encode(TEXTS)), latent_health(z)
    assert new["effective_dimension"] > old["effective_dimension"]
    assert new["mmd"] < old["mmd"]


def test_half_of_it_leaves_half_of_the_spread():
    z = whitened(toy_space(), TEXTS, power=0.5).encode(TEXTS)
    whole = torch.linalg.eigvalsh(torch.cov(toy_space().encode(TEXTS).T)).log().std().item()
    half = torch.linalg.eigvalsh(torch.cov(z.T)).log().std().item()
    assert half == pytest.approx(whole / 2, rel=0.3)


def test_none_of_it_takes_the_mean_away_and_nothing_else():
    z, old = whitened(toy_space(), TEXTS, power=0).encode(TEXTS), toy_space().encode(TEXTS)
    assert z.mean(0).abs().max() < 0.1
    assert torch.cosine_similarity(z, old - old.mean(0)).min() > 0.999


def test_fewer_dimensions_are_the_leading_axes():
    z = whitened(toy_space(), TEXTS, power=0, dimensions=10).encode(TEXTS)
    assert z.shape == (1000, 10)
    covariance = torch.cov(z.T)
    assert (covariance - covariance.diag().diag()).abs().max() < 0.1
    assert (covariance.diag().diff() < 0.05).all()  # the widest axis first
    old = toy_space().encode(TEXTS)
    widest = torch.linalg.eigvalsh(torch.cov(old.T))[-10:].flip(0)
    assert torch.corrcoef(torch.stack([covariance.diag(), widest]))[0, 1] > 0.95
    spread, expected = ((variances[0] / variances[-1]).item() for variances in (covariance.diag(), widest))
    assert spread == pytest.approx(expected, rel=0.3)


def test_fewer_dimensions_still_decode():
    made = whitened(toy_space(), TEXTS, power=0, dimensions=15)
    new = toy_texts(100, seed=9)
    assert reconstruction(new, made.decode(made.encode(new)))["bleu"] > 50


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_texts_come_back_as_before(power):
    new = toy_texts(100, seed=9)
    made = whitened(toy_space(), TEXTS, power=power)
    before, after = (reconstruction(new, space.decode(space.encode(new)))["bleu"] for space in (toy_space(), made))
    assert after > before - 5


def test_the_old_space_stays_as_it_was_and_the_new_is_another():
    before = toy_space().fingerprint
    assert white().fingerprint != before
    assert toy_space().fingerprint == before


def test_it_survives_saving(tmp_path):
    white().save_pretrained(tmp_path)
    z = white().encode(TEXTS[:5])
    loaded = LatentSpace.from_pretrained(tmp_path)
    assert torch.equal(loaded.encode(TEXTS[:5]), z)
    assert loaded.decode(z) == white().decode(z)


def test_a_stochastic_encoder_is_refused():
    tokenizer = toy_space().tokenizer
    space = LatentSpace(T5VAE(toy_config(len(tokenizer), regularizer="kl")), tokenizer)
    with pytest.raises(LatentoptError, match="the KL regularizer"):
        whitened(space, TEXTS)


def test_more_dimensions_than_there_are_are_refused():
    with pytest.raises(LatentoptError, match="from 1 to the 16 that there are, got 17"):
        whitened(toy_space(), TEXTS, dimensions=17)


def test_a_power_beyond_one_is_refused():
    with pytest.raises(LatentoptError, match=r"from 0 .* to 1 .*, got 2"):
        whitened(toy_space(), TEXTS, power=2)


def test_too_few_texts_are_refused():
    with pytest.raises(LatentoptError, match="needs 160 texts or more, got 100"):
        whitened(toy_space(), TEXTS[:100])

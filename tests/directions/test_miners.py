from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional as F

from latentopt.directions import (
    MINERS,
    DiscriminantProbe,
    Examples,
    LearnedMap,
    LogisticProbe,
    Mean,
    PrincipalComponents,
    Shrunk,
)
from latentopt.errors import LatentoptError
from tests.directions.synthetic import NumbersSpace, of_pairs

D = 64
SPREAD = torch.logspace(0.3, -0.7, D)  # standard deviations of the latent dimensions
TRUTH = SPREAD.square() * torch.where(torch.arange(D) % 2 == 0, 1.0, -1.0)
COVARIANCE = torch.diag(SPREAD.square())
SPACE = NumbersSpace(density=SimpleNamespace(covariance=COVARIANCE))
PAIRED_ONLY = (PrincipalComponents(), LearnedMap(steps=5))


def drawn(n, *, seed=0, noise=4.0):
    """Pairs whose differences are TRUTH and noise."""
    generator = torch.Generator().manual_seed(seed)
    source = SPREAD * torch.randn(n, D, generator=generator)
    target = source + TRUTH + noise * SPREAD * torch.randn(n, D, generator=generator)
    return Examples(source, target, torch.arange(n), "toy")


def unpaired(examples):
    return Examples(examples.source, examples.target, None, "toy")


@pytest.mark.parametrize("name", MINERS)
def test_every_miner_finds_the_way_and_its_length(name):
    examples = drawn(2000, noise=0.5)
    found = MINERS[name](SPACE)(examples)
    assert F.cosine_similarity(found.vector, TRUTH, dim=0) > 0.97
    assert float(found.vector.norm() / TRUTH.norm()) == pytest.approx(1, abs=0.1)
    assert found.space == "toy"
    at = found.at(examples.source)
    torch.testing.assert_close(at.mean(0), found.vector, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("name", MINERS)
def test_every_miner_takes_one_pair(name):
    found = MINERS[name](SPACE)(drawn(1))
    assert torch.isfinite(found.vector).all() and found.vector.any()


def test_a_miner_that_needs_no_density_is_made_without_one():
    assert MINERS["mean"](NumbersSpace()) == Mean()
    with pytest.warns(UserWarning, match="the plain mean difference is taken"):
        assert MINERS["shrunk"](NumbersSpace()) == Mean()
    with pytest.raises(LatentoptError, match="this model has no density"):
        MINERS["logistic"](NumbersSpace())


@pytest.mark.parametrize(
    "miner", [Mean(), Shrunk(COVARIANCE), LogisticProbe(COVARIANCE), DiscriminantProbe(COVARIANCE)]
)
def test_texts_that_are_no_pairs_do_for_these(miner):
    found = miner(unpaired(drawn(3000, noise=0.5)))
    assert F.cosine_similarity(found.vector, TRUTH, dim=0) > 0.9


@pytest.mark.parametrize("miner", PAIRED_ONLY)
def test_texts_that_are_no_pairs_do_not_do_for_those(miner):
    with pytest.raises(LatentoptError, match="this needs pairs of texts"):
        miner(unpaired(drawn(10)))


class TestMean:
    def test_is_the_same_of_pairs_and_of_their_texts_alone(self):
        torch.testing.assert_close(Mean()(drawn(50)).vector, Mean()(unpaired(drawn(50))).vector)


class TestShrunk:
    @pytest.mark.parametrize("n", [5, 20])
    def test_few_pairs_come_closer_to_the_truth_than_their_mean_does(self, n):
        def distance(miner):
            return sum(float((miner(drawn(n, seed=seed)).vector - TRUTH).norm()) for seed in range(20))

        assert distance(Shrunk(COVARIANCE)) < 0.9 * distance(Mean())

    def test_many_pairs_are_taken_at_their_mean(self):
        mean, shrunk = (miner(drawn(100_000)).vector for miner in (Mean(), Shrunk(COVARIANCE)))
        assert F.cosine_similarity(mean, shrunk, dim=0) > 0.999
        assert shrunk.norm() / mean.norm() > 0.99

    def test_what_is_noise_loses_its_length(self):
        noise = of_pairs(SPREAD * torch.randn(20, D, generator=torch.Generator().manual_seed(0)))
        assert Shrunk(COVARIANCE)(noise).vector.norm() < 0.35 * noise.mean().norm()

    def test_dimensions_without_variance_are_left_out(self):
        covariance = torch.diag(torch.tensor([1.0, 1.0, 0.0]))
        vector = Shrunk(covariance).shrunk(torch.tensor([1.0, 1.0, 1.0]), torch.tensor(0.1))
        assert vector[2].abs() < 1e-6 < vector[0]

    def test_works_in_any_basis(self):
        generator = torch.Generator().manual_seed(0)
        turn, _ = torch.linalg.qr(torch.randn(D, D, generator=generator))
        mean, noise = torch.randn(D, generator=generator), torch.tensor(20.0)
        there = Shrunk(turn @ COVARIANCE @ turn.T).shrunk(turn @ mean, noise)
        torch.testing.assert_close(turn.T @ there, Shrunk(COVARIANCE).shrunk(mean, noise), atol=1e-4, rtol=1e-3)


class TestPrincipalComponents:
    def test_the_direction_lies_in_the_subspace_that_holds_the_share(self):
        found = PrincipalComponents(share=0.8)(drawn(500, noise=1.0))
        assert found.basis is not None
        torch.testing.assert_close(found.basis @ found.basis.T, torch.eye(len(found.basis)), atol=1e-4, rtol=0)
        torch.testing.assert_close(found.basis.T @ (found.basis @ found.vector), found.vector, atol=1e-4, rtol=1e-3)
        difference = drawn(500, noise=1.0).difference
        held = (difference @ found.basis.T).square().sum() / difference.square().sum()
        less = (difference @ found.basis[:-1].T).square().sum() / difference.square().sum()
        assert less < 0.8 <= held


class TestDiscriminant:
    def test_what_partners_differ_by_at_random_weighs_less_than_in_the_mean(self):
        generator = torch.Generator().manual_seed(0)
        difference = torch.randn(200, 2, generator=generator) * torch.tensor([0.1, 5.0]) + torch.tensor([1.0, 1.0])
        mean, found = (miner(of_pairs(difference)).vector for miner in (Mean(), DiscriminantProbe(torch.eye(2))))
        assert (found[1] / found[0]).abs() < 0.1 < (mean[1] / mean[0]).abs()


class TestLearnedMap:
    def test_the_step_depends_on_the_text_where_pairs_say_so(self):
        generator = torch.Generator().manual_seed(0)
        source = torch.randn(600, 4, generator=generator)
        step = torch.where(source[:, :1] > 0, 1.0, 3.0) * torch.tensor([0.0, 1.0, 0.0, 0.0])
        found = LearnedMap(steps=400)(Examples(source, source + step, torch.arange(600)))
        right, left = found.at(torch.tensor([[1.5, 0, 0, 0], [-1.5, 0, 0, 0]]))[:, 1].tolist()
        assert right < 1.5 and left > 2.5
        assert found.vector[1] == pytest.approx(2, abs=0.15)

    def test_the_same_seed_learns_the_same(self):
        one, two = (LearnedMap(steps=20)(drawn(50)) for _ in range(2))
        z = torch.randn(3, D)
        assert torch.equal(one.at(z), two.at(z))


class TestExamples:
    @pytest.mark.parametrize("paired", [True, False])
    def test_the_noise_is_the_mean_squared_error_of_the_mean(self, paired):
        errors, noises = [], []
        for seed in range(300):
            examples = drawn(40, seed=seed, noise=1.0)
            if not paired:  # what differs is then the texts, too
                examples = Examples(drawn(40, seed=10_000 + seed).source, examples.target)
            errors.append((examples.mean() - TRUTH).square().sum())
            noises.append(examples.noise())
        assert float(torch.stack(noises).mean()) == pytest.approx(float(torch.stack(errors).mean()), rel=0.15)

    def test_several_targets_of_one_source_are_one_observation(self):
        difference = torch.randn(10, 8, generator=torch.Generator().manual_seed(0))
        once = of_pairs(difference).noise()
        torch.testing.assert_close(of_pairs(difference.repeat(5, 1), torch.arange(10).repeat(5)).noise(), once)

    def test_of_a_single_pair_everything_may_be_noise(self):
        assert float(of_pairs(torch.tensor([[3.0, 4.0]])).noise()) == 25

    def test_says_what_it_needs(self):
        with pytest.raises(LatentoptError, match=r"latents \(n, d\) on both sides"):
            of_pairs(torch.zeros(0, 8))
        with pytest.raises(LatentoptError, match="a target and a group for every source"):
            Examples(torch.zeros(3, 2), torch.zeros(2, 2), torch.arange(3))

import pytest
import torch

from latentopt.directions import mean_difference, paired, unpaired
from latentopt.errors import LatentoptError


def test_pairs_and_their_texts_alone_have_the_same_mean():
    z = torch.randn(2, 50, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(paired(z[1] - z[0])[0], unpaired(z[0], z[1])[0])


def test_the_mean_difference_is_the_direction():
    mean, noise = torch.randn(3, 8), torch.ones(3)
    assert mean_difference(mean, noise) is mean


@pytest.mark.parametrize("kind", ["paired", "unpaired"])
def test_the_noise_is_the_mean_squared_error_of_the_mean(kind):
    generator = torch.Generator().manual_seed(0)
    truth = torch.arange(8.0)
    errors, noises = [], []
    for _ in range(500):
        source, target = torch.randn(2, 40, 8, generator=generator) * 2
        target = target + truth
        mean, noise = paired(target - source) if kind == "paired" else unpaired(source, target[:30])
        errors.append((mean - truth).square().sum())
        noises.append(noise)
    assert float(torch.stack(noises).mean()) == pytest.approx(float(torch.stack(errors).mean()), rel=0.1)


def test_several_targets_of_one_source_are_one_observation():
    difference = torch.randn(10, 8, generator=torch.Generator().manual_seed(0))
    _, once = paired(difference)
    _, copied = paired(difference.repeat(5, 1), sources=10)
    torch.testing.assert_close(once, copied)


def test_of_a_single_pair_everything_may_be_noise():
    mean, noise = paired(torch.tensor([[3.0, 4.0]]))
    assert (mean.tolist(), float(noise)) == ([3, 4], 25)


def test_nothing_has_no_mean():
    with pytest.raises(LatentoptError, match="a pair or more"):
        paired(torch.zeros(0, 8))
    with pytest.raises(LatentoptError, match="got 0 sources, 3 targets"):
        unpaired(torch.zeros(0, 8), torch.zeros(3, 8))

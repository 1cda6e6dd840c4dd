from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from latentopt.directions import ShrunkDifference, default_miner, mean_difference, mine
from latentopt.errors import LatentoptError
from tests.directions.synthetic import NumbersSpace

pytestmark = pytest.mark.filterwarnings("ignore:this model has no density")


def numbered_pairs(n, *, targets=1):
    """Texts of numbers whose targets are two higher in the first; each with its source's number in the last."""
    generator = torch.Generator().manual_seed(0)
    space = NumbersSpace()
    z = torch.randn(n, 4, generator=generator)
    z[:, 3] = torch.arange(n)
    sources = [text for text in space.decode(z) for _ in range(targets)]
    noise = 0.1 * torch.randn(n * targets, 4, generator=generator)
    return sources, space.decode(space.encode(sources) + noise + torch.tensor([2.0, 0, 0, 0]))


def mined(space, *pairs, **options):
    return mine(space, *pairs, name="higher", apply=space.apply, **options)


def test_the_direction_and_all_that_is_known_of_it_come_out():
    sources, targets = numbered_pairs(40, targets=2)
    found = mined(NumbersSpace(), sources, targets, permutations=99, examples=3)
    torch.testing.assert_close(found.direction.vector, torch.tensor([2.0, 0, 0, 0]), atol=0.05, rtol=0)
    assert (found.direction.name, found.direction.space) == ("higher", "numbers")
    assert found.direction.strength == found.calibration.strength
    assert found.direction.statistics == {
        "pairs": 80,
        "sources": 40,
        "miner": "mean_difference",
        "consistency": found.consistency.to_json(),
        "strengths": found.calibration.to_json(),
    }
    assert found.consistency.cosine_p == 0.01
    assert found.consistency.pairs == 80


def test_columns_of_a_shuffled_frame_are_pairs():
    sources, targets = numbered_pairs(40)
    frame = pd.DataFrame({"from": sources, "to": targets}).sample(frac=1, random_state=0)
    plain = mined(NumbersSpace(), frame["from"].tolist(), frame["to"].tolist(), permutations=9)
    found = mined(NumbersSpace(), frame["from"], frame["to"], permutations=9)
    assert torch.equal(found.direction.vector, plain.direction.vector)
    assert found.examples == plain.examples


def test_examples_are_held_out_edits_of_different_sources():
    sources, targets = numbered_pairs(40, targets=2)
    space, fold = NumbersSpace(), torch.full((80,), -1)
    fold[60:] = 0
    found = mined(space, sources, targets, fold=fold, permutations=9, examples=20, calibrate_on=20)
    pairs = set(zip(sources[60:], targets[60:], strict=True))
    assert len(found.calibration.edits) == 10
    assert len(found.examples) == len({example.source for example in found.examples}) == 10
    assert all((example.source, example.target) in pairs for example in found.examples)
    step = found.calibration.strength * (space.encode(targets) - space.encode(sources))[:60].mean(0)
    moved = space.encode([e.edited for e in found.examples]) - space.encode([e.source for e in found.examples])
    torch.testing.assert_close(moved, step.expand_as(moved), atol=0.002, rtol=0)


def test_the_same_seed_finds_the_same():
    def run(seed):
        return mined(NumbersSpace(), *numbered_pairs(30), permutations=50, seed=seed)

    assert (run(1).consistency, run(1).examples) == (run(1).consistency, run(1).examples)
    assert run(1).examples != run(2).examples


def test_the_miner_shrinks_where_the_space_knows_its_density():
    density = SimpleNamespace(covariance=torch.eye(4))
    assert isinstance(default_miner(NumbersSpace(density=density)), ShrunkDifference)
    found = mined(NumbersSpace(density=density), *numbered_pairs(30), permutations=9)
    assert found.direction.statistics["miner"] == "ShrunkDifference"


def test_a_space_without_density_takes_the_mean_difference_and_says_so():
    with pytest.warns(UserWarning, match="this model has no density: the plain mean difference is taken"):
        assert default_miner(NumbersSpace()) is mean_difference


def test_pairs_need_two_sides_and_several_sources():
    with pytest.raises(LatentoptError, match="got 3 sources, 2 targets"):
        mine(NumbersSpace(), ["1 1 1 1"] * 3, ["2 2 2 2"] * 2, name="higher")
    with pytest.raises(LatentoptError, match=r"5 different sources or more.*got 1"):
        mine(NumbersSpace(), ["1 1 1 1"] * 30, ["2 2 2 2"] * 30, name="higher")

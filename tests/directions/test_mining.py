import tracemalloc
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from latentopt.directions import (
    LearnedMap,
    Mean,
    PrincipalComponents,
    Shrunk,
    fit_style_reader,
    mine,
    mine_labelled,
)
from latentopt.directions.mining import share_above
from latentopt.errors import LatentoptError
from tests.directions.synthetic import NumbersSpace

pytestmark = pytest.mark.filterwarnings("ignore:this model has no density")


def numbered_pairs(n, *, targets=1):
    """Texts of numbers whose targets are two higher in the first; each with its source's number in the last."""
    generator = torch.Generator().manual_seed(0)
    space = NumbersSpace()
    z = torch.randn(n, 4, generator=generator)
    z[:, 3] = torch.arange(n)  # no two are alike
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
    statistics = found.direction.statistics
    assert (statistics["pairs"], statistics["sources"], statistics["miner"]) == (80, 40, "Mean")
    assert statistics["usable"] == {"given": 80, "left_out": {}}
    assert statistics["consistency"] == found.consistency.to_json()
    assert statistics["strengths"] == found.calibration.to_json()
    assert statistics["verdict"] == found.verdict.to_json()
    assert [row["examples"] for row in statistics["curve"]] == [10, 30, 64]
    assert [leak["name"] for leak in statistics["leakage"]] == ["length"]
    assert found.stability.low > 0.95 and found.stability.share > 0.9
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
    assert isinstance(Shrunk.for_space(NumbersSpace(density=density)), Shrunk)
    found = mined(NumbersSpace(density=density), *numbered_pairs(30), permutations=9)
    assert found.direction.statistics["miner"] == "Shrunk"


def test_a_space_without_density_takes_the_mean_difference_and_says_so():
    with pytest.warns(UserWarning, match="this model has no density: the plain mean difference is taken"):
        assert Shrunk.for_space(NumbersSpace()) == Mean()


def test_pairs_need_two_sides_and_several_sources():
    with pytest.raises(LatentoptError, match="got 3 sources, 2 targets"):
        mine(NumbersSpace(), ["1 1 1 1"] * 3, ["2 2 2 2"] * 2, name="higher")
    with pytest.raises(LatentoptError, match=r"5 different sources or more.*got 1"):
        mine(NumbersSpace(), ["1 1 1 1"] * 30, ["2 2 2 2"] * 30, name="higher")


def test_folds_are_those_of_the_pairs_that_are_usable():
    sources, targets = numbered_pairs(20)
    fold = torch.arange(20) % 5
    space = NumbersSpace()
    again = [*sources, sources[0]], [*targets, targets[0]]
    with_copy = mined(space, *again, fold=torch.cat([fold, fold[:1]]), permutations=9)
    assert with_copy.consistency == mined(space, sources, targets, fold=fold, permutations=9).consistency
    assert with_copy.usable.left_out == {"that are there twice": 1}
    with pytest.raises(LatentoptError, match="each pair needs its fold, got 20 pairs and 3 folds"):
        mined(space, sources, targets, fold=fold[:3])


def test_texts_that_are_no_pairs_do():
    sources, targets = numbered_pairs(60)
    space = NumbersSpace()
    found = mine_labelled(
        space, sources[:30], targets[30:50], name="higher", apply=space.apply, permutations=99, calibrate_on=3
    )
    statistics = found.direction.statistics
    assert (statistics["texts"], statistics["sources"]) == (50, 30)
    assert found.consistency.pairs == 50
    assert [example.target for example in found.examples] == [None] * 3
    assert {example.source for example in found.examples} <= set(sources[:30])


def test_of_texts_that_are_no_pairs_those_are_held_out_that_are_said_to_be():
    sources, targets = numbered_pairs(60)
    space = NumbersSpace()
    fold = torch.tensor([-1] * 20 + [0] * 10), torch.tensor([0] * 15 + [-1] * 15)
    options = {"name": "higher", "apply": space.apply, "permutations": 9}
    found = mine_labelled(space, sources[:30], targets[30:], fold=fold, calibrate_on=10, **options)
    assert found.consistency.pairs == 25
    assert {example.source for example in found.examples} == set(sources[20:30])
    with pytest.raises(LatentoptError, match="each text needs its fold, got 30 texts and 3 folds"):
        mine_labelled(space, sources[:30], targets[30:], fold=(fold[0], fold[1][:3]), **options)


def test_what_of_two_kinds_is_above_is_counted_by_ranks():
    draw = np.random.default_rng(0)
    above, below = draw.integers(0, 9, 300).astype(float), draw.integers(-2, 7, 200).astype(float)
    gap = np.subtract.outer(above, below)
    assert share_above(above, below) == pytest.approx(np.mean(gap > 0) + np.mean(gap == 0) / 2, abs=1e-12)
    assert share_above(below + 20, above) == 1 and share_above(below - 20, above) == 0
    tracemalloc.start()
    try:
        share_above(*draw.normal(size=(2, 3000)))
        assert tracemalloc.get_traced_memory()[1] < 1e6  # bytes; each with each are 72e6
    finally:
        tracemalloc.stop()


def test_what_leaks_is_said_and_can_be_cleared():
    sources, targets = numbered_pairs(40)
    readings = {"size": lambda z: z[:, 0] + z[:, 1]}
    leaky, clear = (
        mined(NumbersSpace(), sources, targets, permutations=9, readings=readings, clear=names)
        for names in ((), ("size",))
    )
    assert [leak.name for leak in leaky.leakage] == ["size", "length"]
    assert leaky.leakage[0].share > 0.3 and leaky.leakage[0].realised > 0.3
    assert clear.leakage[0].share < 0.01
    assert clear.direction.statistics["cleared"] == ["size"]
    with pytest.raises(LatentoptError, match="a direction can be cleared of length, got fame"):
        mined(NumbersSpace(), sources, targets, clear=["fame"])


def test_the_length_of_edits_is_counted():
    sources, targets = numbered_pairs(40)
    leaks = mined(NumbersSpace(), sources, targets, permutations=9).leakage
    assert [leak.realised for leak in leaks] == [0]  # all texts are of four numbers

    space = NumbersSpace()
    space.max_tokens = 99
    space.lengths = lambda texts: [round(10 + float(text.split()[0])) for text in texts]
    (leak,) = mined(space, sources, targets, permutations=9).leakage
    assert leak.realised == pytest.approx(leak.share, rel=0.2)


def test_what_is_measured_is_the_cleared_direction():
    found = mined(
        NumbersSpace(density=SimpleNamespace(covariance=torch.eye(4))),
        *numbered_pairs(40),
        permutations=9,
        miner=Mean(),
        readings={"size": lambda z: z[:, 0] + z[:, 1]},
        clear=["size"],
    )
    # The pairs differ by (2, 0), and the direction is (1, -1): half of the square, and a cosine of one over root two.
    assert found.stability.share == pytest.approx(1 / 2, abs=0.05)
    assert found.curve[-1].cosine == pytest.approx(2**-0.5, abs=0.05)
    assert found.consistency.cosine == pytest.approx(2**-0.5, abs=0.05)


def test_the_editors_reader_and_the_judge_learn_from_other_pairs(monkeypatch):
    from latentopt.directions import mining

    seen = []

    def fit(source, target, *, groups):
        of_source, of_target = (dict(zip(*side, strict=True)) for side in zip((source, target), groups, strict=True))
        assert all(of_source[a] == of_target[b] for a, b in pairs if a in of_source)
        seen.append((set(source), fit_style_reader(source, target, groups=groups)))
        return seen[-1][1]

    monkeypatch.setattr(mining, "fit_style_reader", fit)
    sources, targets = numbered_pairs(40, targets=2)
    pairs = [*zip(sources, targets, strict=True)]
    fold = torch.full((80,), -1)
    fold[70:] = 0
    found = mined(NumbersSpace(), sources, targets, fold=fold, permutations=9)
    (reader, _), (judge, judges), (whole, reads), (everything, of_all) = seen
    assert not reader & judge and reader | judge == whole == set(sources[:70])
    assert everything == set(sources)
    assert found.direction.reader is of_all
    for opinion, share in ((reads, found.reads), (judges, found.verdict.judge)):
        right = opinion.predict_score(targets[70:]) > opinion.predict_score(sources[70:])
        assert share == right.mean()


@pytest.mark.parametrize("miner", [PrincipalComponents(), LearnedMap(steps=30)])
def test_any_miner_does(miner):
    found = mined(NumbersSpace(), *numbered_pairs(40), permutations=9, miner=miner)
    assert found.direction.statistics["miner"] == type(miner).__name__
    assert float(found.direction.vector[0]) == pytest.approx(2, abs=0.1)
    assert (found.direction.basis is None) == (found.direction.offset is not None)


def test_pairs_of_texts_with_themselves_are_none():
    with pytest.raises(LatentoptError, match="no usable pair is left of 30: 30 of a text with itself"):
        mine(NumbersSpace(), ["1 1 1 1"] * 30, ["1 1 1 1"] * 30, name="same")

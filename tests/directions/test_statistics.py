import pytest
import torch

from latentopt.directions import (
    DiscriminantProbe,
    Examples,
    Folds,
    Mean,
    PrincipalComponents,
    Shrunk,
    consistency,
    folds_by_source,
    folds_by_text,
    statistics,
)
from latentopt.errors import LatentoptError
from tests.directions.synthetic import of_pairs, pairs


def measure(n=30, d=8, *, shift=0.0, targets=1, seed=0, by_source=True, permutations=199, miner=None):
    difference, group = pairs(n, d, shift=shift, targets=targets, seed=seed)
    group = group if by_source else torch.arange(len(difference))
    fold = folds_by_source(group, seed=seed)
    examples = of_pairs(difference, group)
    return consistency(examples, Folds(fold, fold), miner=miner or Mean(), permutations=permutations, seed=seed)


def measure_labels(n=30, m=20, d=8, *, shift=0.0, seed=0, permutations=199, miner=None):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(n + m, d, generator=generator)
    z[n:, 0] += shift
    folds = Folds(folds_by_text(n, seed=seed), folds_by_text(m, seed=seed))
    examples = Examples(z[:n], z[n:])
    return consistency(examples, folds, miner=miner or Mean(), permutations=permutations, seed=seed)


@pytest.mark.parametrize("measured", [measure, measure_labels])
def test_without_a_direction_p_is_uniform(measured):
    found = [measured(seed=seed) for seed in range(200)]
    cosine_p = torch.tensor([f.cosine_p for f in found])
    right_way_p = torch.tensor([f.right_way_p for f in found])
    for level in (0.05, 0.25, 0.5, 0.75):
        assert float((cosine_p <= level).float().mean()) == pytest.approx(level, abs=0.1)
        assert float((right_way_p <= level).float().mean()) <= level + 0.1  # shares of few pairs tie: p is then higher
    assert sum(f.cosine for f in found) / len(found) == pytest.approx(0, abs=0.02)


SPREAD = torch.diag(torch.linspace(0.2, 2.0, 8))


@pytest.mark.parametrize("measured", [measure, measure_labels])
@pytest.mark.parametrize("miner", [Mean(), Shrunk(SPREAD)])
def test_a_real_direction_has_the_lowest_p_there_is(measured, miner):
    found = measured(shift=4.0, miner=miner)
    assert found.cosine_p == found.right_way_p == pytest.approx(1 / 200)
    assert found.cosine > 0.5 and found.right_way > 0.9


@pytest.mark.parametrize("miner", [PrincipalComponents(), DiscriminantProbe(SPREAD), Shrunk(SPREAD)])
def test_p_is_the_examples_affair_and_no_miners(miner):
    plain, other = measure(shift=0.5), measure(shift=0.5, miner=miner)
    assert (plain.cosine_p, plain.right_way_p) == (other.cosine_p, other.right_way_p)
    assert plain.cosine != other.cosine


def test_targets_of_one_source_do_not_pass_for_evidence():
    apart = [measure(seed=seed, targets=8, by_source=False).cosine_p for seed in range(60)]
    together = [measure(seed=seed, targets=8).cosine_p for seed in range(60)]
    assert sum(p <= 0.05 for p in apart) > 40
    assert sum(p <= 0.05 for p in together) < 10


def test_it_is_what_a_plain_loop_measures():
    difference, group = pairs(20, 6, shift=0.7, targets=2, seed=4)
    fold = folds_by_source(group)
    cosine, right = [], []
    for k in range(5):
        mean = difference[fold != k].mean(0)
        for held in difference[fold == k]:
            cosine.append(float(torch.cosine_similarity(held, mean, dim=0)))
            right.append(float(held @ mean > 0))
    found = consistency(of_pairs(difference, group), Folds(fold, fold), miner=Mean(), permutations=1)
    assert found.cosine == pytest.approx(sum(cosine) / 40, abs=1e-5)
    assert found.right_way == pytest.approx(sum(right) / 40)
    assert (found.pairs, found.sources, found.permutations) == (40, 20, 1)


def test_pairs_of_fold_minus_one_only_serve_to_fit():
    difference, group = pairs(40, 6, shift=1.0)
    fold = torch.full((40,), -1)
    fold[30:] = 0
    found = consistency(of_pairs(difference, group), Folds(fold, fold), miner=Mean(), permutations=9)
    expected = torch.cosine_similarity(difference[30:], difference[:30].mean(0)[None]).mean()
    assert found.cosine == pytest.approx(float(expected), abs=1e-5)
    assert (found.pairs, found.sources) == (10, 10)


def test_the_same_seed_draws_the_same_signs():
    assert measure(seed=5) == measure(seed=5)


def test_labels_are_dealt_within_the_folds_that_hold_them():
    z = torch.eye(3).repeat(2, 1) * 0.1 + torch.tensor([[0.0, 0, 0]] * 3 + [[5.0, 0, 0]] * 3)
    folds = Folds(torch.arange(3), torch.arange(3))  # of a source and a target each: 8 deals, and 2 measure as high
    found = consistency(Examples(z[:3], z[3:]), folds, miner=Mean(), permutations=1999)
    assert found.cosine_p == pytest.approx(2 / 8, abs=0.03)
    assert found.least_p == 2 / 8


def test_few_sources_or_draws_cannot_be_sure():
    assert [measure(n, permutations=1999).least_p for n in (5, 6)] == [1 / 16, 1 / 32]
    assert measure(5, targets=8, permutations=1999).least_p == 1 / 16
    assert measure(30, permutations=9).least_p == 1 / 10
    assert measure_labels(5, 5).least_p == 1 / 16
    assert measure_labels(5, 10).least_p == max(1 / 3**5, 1 / 200)


def test_folds_that_are_none_are_refused():
    difference, group = pairs(10, 4, targets=2)
    for fold in (torch.full((20,), -1), torch.zeros(20, dtype=torch.long)):
        with pytest.raises(LatentoptError, match="some pairs must be held out, and some left"):
            consistency(of_pairs(difference, group), Folds(fold, fold), miner=Mean())
    with pytest.raises(LatentoptError, match="all pairs of a source must be in one fold"):
        consistency(of_pairs(difference, group), Folds(*[torch.arange(20) % 5] * 2), miner=Mean())


def test_draws_are_measured_within_bounded_memory():
    chunks = statistics._chunks(5001, 500)
    assert sum(chunks) == 5001 and max(chunks) * 500 <= statistics.CHUNK


def test_how_many_are_measured_at_once_changes_nothing(monkeypatch):
    together = measure(shift=0.5)
    monkeypatch.setattr(statistics, "CHUNK", 30 * 7)
    apart = measure(shift=0.5)
    assert (apart.cosine_p, apart.right_way_p) == (together.cosine_p, together.right_way_p)
    assert apart.cosine == pytest.approx(together.cosine, abs=1e-6)

import pytest
import torch

from latentopt.directions import ShrunkDifference, consistency, folds_by_source, statistics
from latentopt.errors import LatentoptError
from tests.directions.synthetic import pairs


def measure(n=30, d=8, *, shift=0.0, targets=1, seed=0, by_source=True, permutations=199, miner=None):
    difference, group = pairs(n, d, shift=shift, targets=targets, seed=seed)
    group = group if by_source else torch.arange(len(difference))
    options = {} if miner is None else {"miner": miner}
    fold = folds_by_source(group, seed=seed)
    return consistency(difference, group=group, fold=fold, permutations=permutations, seed=seed, **options)


MINERS = [None, ShrunkDifference(torch.diag(torch.linspace(0.2, 2.0, 8)))]


@pytest.mark.parametrize("miner", MINERS)
def test_without_a_direction_p_is_uniform(miner):
    found = [measure(seed=seed, miner=miner) for seed in range(200)]
    cosine_p = torch.tensor([f.cosine_p for f in found])
    right_way_p = torch.tensor([f.right_way_p for f in found])
    for level in (0.05, 0.25, 0.5, 0.75):
        assert float((cosine_p <= level).float().mean()) == pytest.approx(level, abs=0.1)
        assert float((right_way_p <= level).float().mean()) <= level + 0.1  # shares of few pairs tie: p is then higher
    assert sum(f.cosine for f in found) / len(found) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("miner", MINERS)
def test_a_real_direction_has_the_lowest_p_there_is(miner):
    found = measure(shift=3.0, miner=miner)
    assert found.cosine_p == found.right_way_p == pytest.approx(1 / 200)
    assert found.cosine > 0.5 and found.right_way > 0.95


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
    found = consistency(difference, group=group, fold=fold, permutations=1)
    assert found.cosine == pytest.approx(sum(cosine) / 40, abs=1e-5)
    assert found.right_way == pytest.approx(sum(right) / 40)
    assert (found.pairs, found.sources, found.permutations) == (40, 20, 1)


def test_pairs_of_fold_minus_one_only_serve_to_fit():
    difference, group = pairs(40, 6, shift=1.0)
    fold = torch.full((40,), -1)
    fold[30:] = 0
    found = consistency(difference, group=group, fold=fold, permutations=9)
    expected = torch.cosine_similarity(difference[30:], difference[:30].mean(0)[None]).mean()
    assert found.cosine == pytest.approx(float(expected), abs=1e-5)
    assert (found.pairs, found.sources) == (10, 10)


def test_the_same_seed_draws_the_same_signs():
    assert measure(seed=5) == measure(seed=5)


def test_folds_that_are_none_are_refused():
    difference, group = pairs(10, 4, targets=2)
    for fold in (torch.full((20,), -1), torch.zeros(20, dtype=torch.long)):
        with pytest.raises(LatentoptError, match="some pairs must be held out, and some left"):
            consistency(difference, group=group, fold=fold)
    with pytest.raises(LatentoptError, match="all pairs of a source must be in one fold"):
        consistency(difference, group=group, fold=torch.arange(20) % 5)


def test_permutations_are_measured_many_at_once_and_within_bounded_memory():
    rows = []

    def counted(mean, noise):
        rows.append(len(mean))
        return mean

    measure(n=500, d=256, permutations=5000, miner=counted)
    assert sum(rows) == 5 * 5001  # each fold's direction, for the pairs as they are and for every draw
    assert len(rows) < 50
    assert max(rows) * 500 <= statistics.CHUNK


def test_how_many_are_measured_at_once_changes_nothing(monkeypatch):
    together = measure(shift=0.5)
    monkeypatch.setattr(statistics, "CHUNK", 30 * 7)
    apart = measure(shift=0.5)
    assert (apart.cosine_p, apart.right_way_p) == (together.cosine_p, together.right_way_p)
    assert apart.cosine == pytest.approx(together.cosine, abs=1e-6)

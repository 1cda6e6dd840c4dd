import pytest
import torch

from latentopt.directions import folds_by_source, source_ids
from latentopt.directions.split import related
from latentopt.errors import LatentoptError


def test_no_source_is_in_two_folds_and_all_folds_are_alike():
    group = torch.randint(103, (1000,), generator=torch.Generator().manual_seed(0)).unique(return_inverse=True)[1]
    fold = folds_by_source(group, seed=3)
    by_source = {int(g): set(fold[group == g].tolist()) for g in group}
    assert all(len(folds) == 1 for folds in by_source.values())
    sizes = [sum(folds == {k} for folds in by_source.values()) for k in range(5)]
    assert max(sizes) - min(sizes) <= 1


def test_the_same_seed_deals_the_same_folds():
    group = torch.arange(50)
    assert torch.equal(folds_by_source(group, seed=1), folds_by_source(group, seed=1))
    assert not torch.equal(folds_by_source(group, seed=1), folds_by_source(group, seed=2))


def test_texts_that_differ_in_case_and_white_space_are_one_source():
    assert source_ids(["Go away", "go  AWAY ", "come in", "Go away"]).tolist() == [0, 0, 1, 0]


def test_partners_belong_together_and_so_do_texts_that_are_alike():
    source, target = ["a", "A ", "b", "c", "d"], ["x", "y", "z", "Z", "e"]
    assert [side.tolist() for side in related(source, target, paired=True)] == [[0, 0, 1, 1, 2], [0, 0, 1, 1, 2]]
    assert [len(set(side.tolist())) for side in related(source, target, paired=False)] == [4, 4]
    assert [len(side) for side in related([], [], paired=True)] == [0, 0]
    chain, _ = related(["a", "b"], ["b", "c"], paired=True)  # a target that is a source elsewhere
    assert len(set(chain.tolist())) == 1


@pytest.mark.parametrize("group", [[], [0, 1, 2, 3], [0, 0, 1, 2, 3, 3]])
def test_too_few_sources_are_refused(group):
    with pytest.raises(LatentoptError, match=f"pairs with 5 different sources or more.*got {len(set(group))}"):
        folds_by_source(torch.tensor(group, dtype=torch.long))

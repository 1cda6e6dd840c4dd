"""Rows taken from several caches go on as if they had been read alone; like lengths share a pass."""

import pytest
import torch

from latentopt.model.caches import PASS, Read, alike, roomy_cache, stacked
from tests.toy import toy_space


@pytest.fixture(scope="module")
def model():
    return toy_space().model


@torch.no_grad()
def test_stacked_rows_go_on_as_each_would_alone(model):
    z = torch.randn(2, model.pooled_dim, generator=torch.Generator().manual_seed(0))
    memory = model.memory(z)
    tokens = torch.tensor([[5, 9, 20, 31], [5, 40, 41, 42]])
    together = roomy_cache()
    model.decode(tokens, memory, cache=together, use_cache=True)
    kept = [(0, 0, 2), (1, 0, 4), (0, 1, 3)]
    cache, mask = stacked([Read(together, *one) for one in kept[:2]])
    assert mask.tolist() == [[0, 0, 1, 1], [1, 1, 1, 1]]
    new = torch.tensor([[7], [8]])
    mask = torch.cat([mask, torch.ones(2, 1, dtype=torch.long)], 1)
    states, _ = model.decode(new, memory, mask=mask, cache=cache, use_cache=True)
    for row, (_, start, end) in enumerate(kept[:2]):
        whole = torch.cat([tokens[row, start:end], new[row]])[None]
        alone, _ = model.decode(whole, model.memory(z[row : row + 1]))
        assert torch.allclose(states[row, -1], alone[0, -1], atol=1e-4)


def test_like_lengths_share_a_pass_and_no_row_is_lost():
    lengths = [3, 90, 4, 88, 3, 40, 90]
    groups = alike(lengths)
    assert sorted(i for group in groups for i in group) == list(range(7))
    for group in groups:
        longest = max(lengths[i] for i in group)
        assert sum(longest - lengths[i] for i in group) <= PASS
    assert {1, 3, 6} in [set(group) for group in groups]
    assert alike([]) == []

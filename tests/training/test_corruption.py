"""Token noise does what its name says."""

from __future__ import annotations

import pytest
import torch

from latentopt.training.corruption import Blank, Drop, Substitute, corrupt

IDS = list(range(10, 1010))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_drop_keeps_the_order_and_about_the_share_asked_for() -> None:
    kept = Drop(0.3)(IDS, seeded())
    assert kept == sorted(kept)
    assert 640 < len(kept) < 760


def test_drop_never_empties_a_text() -> None:
    assert [Drop(0.99)([5], seeded(s)) for s in range(50)] == [[5]] * 50


def test_blank_replaces_and_keeps_the_length() -> None:
    out = Blank(0.2, mask_id=2)(IDS, seeded())
    assert len(out) == len(IDS)
    assert 150 < out.count(2) < 250
    assert all(a in (b, 2) for a, b in zip(out, IDS, strict=True))


def test_substitutes_come_from_the_range() -> None:
    out = Substitute(0.5, 2000, 2010)(IDS, seeded())
    changed = [a for a, b in zip(out, IDS, strict=True) if a != b]
    assert 400 < len(changed) < 600
    assert all(2000 <= a < 2010 for a in changed)


def test_corruptions_compose_and_the_seed_decides() -> None:
    noise = [Drop(0.1), Blank(0.1, mask_id=2)]
    assert corrupt(IDS, noise, seeded(3)) == corrupt(IDS, noise, seeded(3)) != corrupt(IDS, noise, seeded(4))
    assert corrupt(IDS, [], seeded()) == IDS


@pytest.mark.parametrize("probability", [-0.1, 1.0])
def test_a_probability_out_of_range_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match=f"at least 0 and below 1, got {probability}"):
        Drop(probability)

"""Ways from one latent to another."""

from __future__ import annotations

import pytest
import torch

from latentopt.space.paths import arc


def test_the_way_is_an_arc_of_equal_steps() -> None:
    a, b = torch.tensor([[2.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, 2.0]])
    (points,) = arc(a, b, 4)
    assert torch.allclose(points.norm(dim=1), torch.tensor(2.0))
    steps = (points[1:] - points[:-1]).norm(dim=1)
    assert torch.allclose(steps, steps[0].expand(3))
    assert torch.allclose(points[[0, -1]], torch.cat([a, b]), atol=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_ends_of_one_line_have_a_way_too(sign: int) -> None:
    a = torch.tensor([[1.0, 2.0]])
    (points,) = arc(a, sign * a, 3)
    assert torch.allclose(points, torch.cat([a, (1 + sign) / 2 * a, sign * a]))

"""The loop on problems with known answers."""

import torch

from latentopt.editing.objectives import Maximize
from latentopt.editing.optimizers import PreconditionedGradient
from latentopt.editing.search import optimize, points_along
from tests.toy_problems import LinearHead


def test_points_lie_at_shares_of_the_way():
    corner = torch.tensor([[[0.0, 0.0]], [[3.0, 0.0]], [[3.0, 1.0]]])  # 3 east, 1 north
    points = points_along(corner, torch.tensor([[0.0], [0.5], [0.75], [0.875], [1.0]]))
    assert points[:, 0].tolist() == [[0, 0], [2, 0], [3, 0], [3, 0.5], [3, 1]]


def test_a_way_of_no_length_has_its_start_everywhere():
    still = torch.ones(4, 1, 3)
    assert torch.equal(points_along(still, torch.tensor([[0.0], [1.0]])), torch.ones(2, 1, 3))


def test_rows_stay_within_the_radius():
    head = LinearHead(torch.randn(16, generator=torch.Generator().manual_seed(0)))
    start = torch.zeros(2, len(head.weight))
    path = optimize(Maximize(head), start, PreconditionedGradient(torch.eye(len(head.weight))), radius=2.0)
    assert path.norm(dim=2).max() <= 2 + 1e-4
    assert torch.allclose(path[-1].norm(dim=1), torch.full((2,), 2.0), atol=1e-3)

"""What holds for every optimizer, on problems with known optima."""

import numpy as np
import pytest
import torch

from latentopt.editing.objectives import BlackBox, Maximize
from latentopt.editing.optimizers import OPTIMIZERS, without_gradient
from latentopt.editing.optimizers.stay import Stay
from latentopt.editing.search import search
from latentopt.errors import LatentoptError
from tests.toy_problems import LinearHead, Quadratic, Wall, covariance

D = 5
SPREAD = covariance(D)  # the strongest direction varies a thousand times as much as the weakest
BEST = torch.randn(D, generator=torch.Generator().manual_seed(2)) @ torch.linalg.cholesky(SPREAD).T
BOWL = Quadratic(BEST, torch.linalg.inv(SPREAD))  # half the squared distance, in standard deviations of texts
START = torch.randn(3, D, generator=torch.Generator().manual_seed(1)) @ torch.linalg.cholesky(SPREAD).T
# Steps, and how far from the best a row may end, in standard deviations.
SOLVED = {
    "gradient": (60, 1e-3),
    "adam": (200, 3e-2),
    "lbfgs": (30, 1e-3),
    "langevin": (200, 0.3),  # samples lie around the best
    "cma-es": (100, 1e-3),
    "bayesian": (18, 0.5),  # of 72 evaluations; a step takes a fit
    "random": (250, 2e-2),
}
ROWS = {"bayesian": 1}
MOVING = [name for name in OPTIMIZERS if name != "none"]


def made(name):
    return OPTIMIZERS[name](SPREAD)


@pytest.mark.parametrize("name", MOVING)
def test_the_known_best_is_found(name):
    steps, tolerance = SOLVED[name]
    way = search(BOWL, START[: ROWS.get(name)], made(name), steps=steps)
    assert (way.loss[0].sqrt() > 1).all()
    assert (BOWL(way.best) * 2).sqrt().max() < tolerance


@pytest.mark.parametrize("name", MOVING)
def test_the_best_of_a_ball_is_found_on_its_surface(name):
    head = LinearHead(torch.arange(1.0, 1 + D))
    start, steps = (START, 3 * SOLVED[name][0]) if name not in ROWS else (START[:1], 14)
    best = start + 2 * head.weight / head.weight.norm()
    # Covariance and weights have nothing to do with each other: rows have to slide along the surface.
    way = search(Maximize(head), start, OPTIMIZERS[name](covariance(D) + torch.eye(D)), steps=steps, radius=2.0)
    assert (way.path - start).norm(dim=2).max() <= 2 + 1e-5
    assert (head.forward(best) - head.forward(way.best)).max() < (
        0.02 if name not in ROWS else 0.05
    ) * 2 * head.weight.norm()


@pytest.mark.parametrize("name", MOVING)
def test_a_rows_way_does_not_depend_on_its_neighbours_and_what_is_no_number_stops_its_row_alone(name):
    start = torch.cat([torch.full((1, D), torch.nan), START])
    together, alone = (search(BOWL, z, made(name), steps=4) for z in (start, START[1:2]))
    assert together.status[0] == "not finite"
    assert "not finite" not in together.status[1:]
    # Fitted lengthscales end where steps are small, so that a model's proposals are not equal to the last bit.
    assert torch.allclose(together.path[:, 2:3], alone.path, atol=1e-3 if name not in ROWS else 0.05)
    assert together.path[-1].isfinite().sum() == 3 * D


@pytest.mark.parametrize("name", MOVING)
def test_a_row_that_runs_into_what_is_no_number_stops_before_it(name):
    start = torch.tensor([[0.001, 0.0, 0.0], [1.0, 0.0, 0.0]])
    way = search(Wall(), start, OPTIMIZERS[name](torch.eye(3)), steps=20)
    assert way.status[0] == "not finite"
    assert way.path.isfinite().all()
    assert way.loss.isfinite().all()


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_the_same_seed_takes_the_same_way_and_nobodys_generator_is_touched(name):
    torch.manual_seed(0)
    np.random.seed(0)
    before = torch.random.get_rng_state(), np.random.get_state()[1].tolist()
    ways = [search(BOWL, START[:1], made(name), steps=4, seed=seed).path for seed in (0, 0, 1)]
    assert torch.equal(ways[0], ways[1])
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
    assert torch.equal(ways[0], ways[2]) == (name in ("gradient", "adam", "lbfgs", "none"))  # the others draw


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_the_loss_of_those_that_descend_never_rises(name):
    way = search(BOWL, START, made(name), steps=20 if name not in ROWS else 4)
    assert made(name).descends == (name not in ("adam", "langevin"))
    assert (way.loss[1:] <= way.loss[:-1]).all() == made(name).descends
    assert torch.allclose(way.loss[-1], BOWL(way.path[-1]), rtol=1e-4)


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_only_those_that_need_no_gradient_take_a_black_box(name):
    goal = BOWL + BlackBox(BOWL)
    if name in without_gradient():
        way = search(goal, START[: ROWS.get(name)], made(name), steps=20 if name not in ROWS else 4)
        assert (way.loss[-1] < way.loss[0]).all() == (name != "none")
        assert torch.allclose(way.loss[-1], goal(way.path[-1]), rtol=1e-4)
    else:
        with pytest.raises(
            LatentoptError, match=r"follows gradients, but of this goal BlackBox has none; take .* cma-es"
        ):
            search(goal, START, made(name))


def test_staying_stays_and_is_over_at_once():
    way = search(BOWL, START, Stay(), steps=5)
    assert torch.equal(way.path, START.expand(6, -1, -1))
    assert way.status == ["converged"] * 3

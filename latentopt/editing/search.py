"""Move latents until a goal is low."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from latentopt.editing.ball import Ball
from latentopt.editing.objectives import Objective
from latentopt.editing.optimizers import without_gradient
from latentopt.editing.optimizers.optimizer import Noise, Optimizer, Point, Tried
from latentopt.errors import LatentoptError

STEPS = 40

Status = Literal["converged", "steps used up", "not finite"]


@dataclass(frozen=True)
class Way:
    """Where a search has gone.

    path: (steps + 1, n, d), the start first; a row that has stopped stays where it is. loss: (steps + 1, n), of the
    path. status: of each row; "not finite" where the goal was not a finite number at the next step, which was not
    taken.
    """

    path: Tensor
    loss: Tensor
    status: list[Status]

    @property
    def best(self) -> Tensor:
        """The latents of the lowest loss on each row's way, (n, d)."""
        lowest = self.loss.nan_to_num(nan=torch.inf).argmin(0)
        return self.path[lowest, torch.arange(self.path.shape[1])]


def search(
    goal: Objective,
    z: Tensor,
    optimizer: Optimizer,
    *,
    steps: int = STEPS,
    radius: float | Tensor = float("inf"),
    covariance: Tensor | None = None,
    seed: int | Sequence[int] = 0,
) -> Way:
    """Lower a goal from latents z, all rows at once; each as if it were alone.

    In every step the optimizer proposes, proposals outside the ball are drawn back to its surface, and only then are
    they evaluated and accepted: what was evaluated is where the row goes.

    Args:
        goal: (n, d) -> (n,).
        z: where to start, shape (n, d).
        optimizer: what proposes.
        steps: how many, at most.
        radius: rows do not go farther than this from where they started; one, or one for each row, (n,).
        covariance: of the training latents, shape (d, d): the radius is then in standard deviations, and its ball as
            long in every direction as texts vary there. None: Euclidean; what lies on its surface where the goal is
            lowest may be as far as the radius in a direction in which no text varies.
        seed: of the noise, one for all rows, or one for each. Rows that start at one place with one seed go one way.

    Raises:
        LatentoptError: if the optimizer needs gradients and the goal has none.
    """
    if optimizer.needs_gradient and not goal.differentiable:
        blind = ", ".join(type(term).__name__ for _, term in goal.terms if not term.differentiable)
        raise LatentoptError(
            f"{type(optimizer).__name__} follows gradients, but of this goal {blind} has none; "
            f"take an optimizer that needs none: {', '.join(without_gradient())}"
        )
    z = z.detach()
    metric = torch.eye(z.shape[1]) if covariance is None else torch.linalg.inv(covariance)
    ball = Ball(z, torch.as_tensor(radius).to(z).expand(len(z))[:, None], metric.to(z))
    evaluate = _Evaluation(goal, optimizer.needs_gradient)
    loss, gradient = evaluate(z[:, None])
    loss, gradient = loss[:, 0], gradient[:, 0]
    finite = torch.isfinite(loss) & torch.isfinite(gradient).all(1)  # (n,)
    settled = torch.zeros_like(finite)
    now = Point(z, loss, gradient, ball.outward(z, gradient), finite)
    noise = Noise([seed] * len(z) if isinstance(seed, int) else list(seed))
    run = optimizer.start(now, noise)
    path, losses = [z], [loss]
    for _ in range(steps):
        if not now.active.any():
            break
        asked = torch.where(now.active[:, None, None], run.ask(now), now.z[:, None])  # (n, k, d)
        trials = ball.project(asked)
        loss, gradient = evaluate(trials)  # (n, k), (n, k, d)
        row, best = torch.arange(len(z), device=z.device), loss.argmin(1)  # NaN counts as lowest
        trial, trial_loss, trial_gradient = trials[row, best], loss[row, best], gradient[row, best]
        wanted = now.active & ((trial_loss < now.loss) if optimizer.descends else torch.ones_like(settled))
        sound = torch.isfinite(trial_loss) & torch.isfinite(trial_gradient).all(1)
        finite = finite & ~(now.active & trial_loss.isnan()) & (sound | ~wanted)
        taken = wanted & finite
        z_now = torch.where(taken[:, None], trial, now.z)
        gradient_now = torch.where(taken[:, None], trial_gradient, now.gradient)
        now = Point(
            z_now,
            torch.where(taken, trial_loss, now.loss),
            gradient_now,
            ball.outward(z_now, gradient_now),
            now.active & finite,
        )
        run.tell(Tried(trials, loss, taken), now)
        settled = settled | (run.settled() & now.active)
        now = replace(now, active=now.active & ~settled)
        path.append(now.z)
        losses.append(now.loss)
    still = steps + 1 - len(path)  # steps after which no row went on
    status: list[Status] = [
        "not finite" if not sound else "converged" if over else "steps used up"
        for sound, over in zip(finite.tolist(), settled.tolist(), strict=True)
    ]
    return Way(torch.stack(path + [path[-1]] * still), torch.stack(losses + [losses[-1]] * still), status)


class _Evaluation:
    """A goal's losses, and their gradients if they are wanted."""

    def __init__(self, goal: Objective, with_gradient: bool) -> None:
        self.goal = goal
        self.with_gradient = with_gradient

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Losses (n, k) and gradients (n, k, d) of k latents for each row, z (n, k, d)."""
        n, k, _ = z.shape
        goal = self.goal if k == 1 else self.goal.take(torch.arange(n).repeat_interleave(k))
        flat = z.flatten(0, 1)
        if not self.with_gradient:
            with torch.no_grad():
                return goal(flat).view(n, k), torch.zeros_like(z)
        flat = flat.requires_grad_()
        with torch.enable_grad():
            loss = goal(flat)
            (gradient,) = torch.autograd.grad(loss.sum(), flat)
        return loss.detach().view(n, k), gradient.view_as(z)


def points_along(path: Tensor, shares: Tensor) -> Tensor:
    """The points at shares of the length of each way; path (steps + 1, n, d), shares (k, n) -> (k, n, d)."""
    lengths = (path[1:] - path[:-1]).norm(dim=2).cumsum(0)  # (steps, n)
    lengths = torch.cat([torch.zeros_like(lengths[:1]), lengths])  # (steps + 1, n)
    wanted = shares * lengths[-1]
    after = torch.searchsorted(lengths.T.contiguous(), wanted.T.contiguous()).T.clamp(1, len(path) - 1)  # (k, n)
    before = after - 1
    row = torch.arange(path.shape[1])
    start, end = lengths.gather(0, before), lengths.gather(0, after)
    t = ((wanted - start) / (end - start).clamp_min(1e-12)).clamp(0, 1)[..., None]
    return (1 - t) * path[before, row] + t * path[after, row]

"""Trust-region Bayesian optimization: few, dear evaluations of a goal without a gradient, such as realised values."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from latentopt.editing.optimizers.axes import axes
from latentopt.editing.optimizers.optimizer import Noise, Point, Tried
from latentopt.errors import LatentoptError

REACH = 3.0  # standard deviations: half the side of the cube that is searched, around where a row starts
LENGTH, LONGEST, SHORTEST = 0.8, 1.6, 0.5**7  # of the region, in sides of the cube (section 3)
SUCCESSES = 3  # in a row, after which the region grows (section 3)
IMPROVED = 1e-3  # of the best loss: what counts as a success
MOVED = 20  # coordinates in which a candidate differs from the best, on average, at most (supplement)
CANDIDATES = 500
FIT_STEPS = 50
FIRST = 2  # batches before there is a model


@dataclass(frozen=True)
class TrustRegionBayes:
    """TuRBO-1 (Eriksson et al. 2019): a Gaussian process in a box around the best, which grows with success.

    Every row has a model of its own, by BoTorch. The next batch is what samples of its posterior like best (Thompson
    sampling). Coordinates are standard deviations along the latents' principal axes.

    Args:
        covariance: of the training latents, shape (d, d).
        batch: proposals for each row and step.

    Raises:
        LatentoptError: at the start of a search, if BoTorch is not installed.
    """

    covariance: Tensor
    batch: int = 4
    needs_gradient = False
    descends = True

    def start(self, at: Point, noise: Noise) -> _Regions:
        """A region around each row."""
        try:
            import botorch  # noqa: F401
        except ImportError as error:
            raise LatentoptError(
                f"Bayesian optimization needs BoTorch, which is not installed ({error}): pip install 'latentopt[bo]'"
            ) from error
        return _Regions(axes(self.covariance).to(at.z), self.batch, noise, at)


class _Regions:
    def __init__(self, root: Tensor, batch: int, noise: Noise, at: Point) -> None:
        self.root = root
        self.start = at.z
        self.batch = batch
        d = at.z.shape[1]
        self.rows = [
            _Region(torch.full((1, d), 0.5, dtype=torch.float64), loss.double()[None].cpu(), generator)
            for loss, generator in zip(at.loss, noise.generators, strict=True)
        ]
        self.asked: dict[int, Tensor] = {}
        self.active = at.active

    def ask(self, at: Point) -> Tensor:
        self.active = at.active
        self.asked = {i: self.rows[i].ask(self.batch) for i in at.active.nonzero()[:, 0].tolist()}
        x = self.start.new_full((len(self.rows), self.batch, self.start.shape[1]), 0.5)
        for i, asked in self.asked.items():
            x[i] = asked.to(x)
        return self.start[:, None] + 2 * REACH * (x - 0.5) @ self.root.T

    def tell(self, tried: Tried, now: Point) -> None:
        for i, asked in self.asked.items():
            if now.active[i]:
                self.rows[i].tell(asked, tried.loss[i].double().cpu())

    def settled(self) -> Tensor:
        return torch.tensor([row.length < SHORTEST for row in self.rows], device=self.active.device)


@dataclass
class _Region:
    """A row's region. x: (m, d), in the unit cube, what was tried. loss: (m,)."""

    x: Tensor
    loss: Tensor
    generator: torch.Generator
    length: float = LENGTH
    successes: int = field(default=0)
    failures: int = field(default=0)

    def ask(self, batch: int) -> Tensor:
        """Points (batch, d) to try next."""
        if len(self.x) <= FIRST * batch:
            return self._candidates(batch, torch.ones(self.x.shape[1], dtype=torch.float64))
        model = _fitted(self.x, self.loss)
        scales = model.covar_module.lengthscale.detach()[0]
        # L_i = lengthscale_i L / (prod lengthscale_j)^(1/d)  (section 3)
        x = self._candidates(CANDIDATES, scales / scales.log().mean().exp())
        with torch.no_grad():
            posterior = model.posterior(x).mvn
            root = posterior.lazy_covariance_matrix.add_jitter(1e-6).cholesky().to_dense()
            draws = posterior.mean[:, None] + root @ self._normal(CANDIDATES, batch)  # (candidates, batch)
        return x[draws.argmin(0)]

    def tell(self, x: Tensor, loss: Tensor) -> None:
        """Losses (batch,) of points (batch, d) that were asked for."""
        best = self.loss.min()
        better = bool(loss.min() < best - IMPROVED * best.abs())
        self.x, self.loss = torch.cat([self.x, x]), torch.cat([self.loss, loss])
        self.successes, self.failures = (self.successes + 1, 0) if better else (0, self.failures + 1)
        if self.successes == SUCCESSES:
            self.length, self.successes = min(2 * self.length, LONGEST), 0
        elif self.failures == math.ceil(x.shape[1] / len(x)):
            self.length, self.failures = self.length / 2, 0

    def _candidates(self, count: int, sides: Tensor) -> Tensor:
        """Points (count, d) in the region: the best, with some of its coordinates drawn anew."""
        best = self.x[self.loss.argmin()]
        d = len(best)
        low, high = (best - sides * self.length / 2).clamp(0, 1), (best + sides * self.length / 2).clamp(0, 1)
        drawn = low + (high - low) * self._uniform(count, d)
        moved = self._uniform(count, d) < min(1.0, MOVED / d)
        moved[torch.arange(count), torch.randint(d, (count,), generator=self.generator)] = True
        return torch.where(moved, drawn, best)

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator, dtype=torch.float64)

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, dtype=torch.float64)


def _fitted(x: Tensor, loss: Tensor):  # type: ignore[no-untyped-def] # BoTorch is an extra
    """A Gaussian process of losses (m,), in standard deviations, at points (m, d)."""
    from botorch.exceptions.errors import ModelFittingError
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from gpytorch.mlls import ExactMarginalLogLikelihood

    finite = torch.isfinite(loss)
    loss = torch.where(finite, loss, loss[finite].max())
    scaled = (loss - loss.mean()) / loss.std().clamp_min(1e-12)
    model = SingleTaskGP(x, scaled[:, None], outcome_transform=None)
    # A second attempt would start where torch's own generator says, which is the whole program's. Where the first
    # fails, the lengthscales of the prior do, which grow with the dimensions (Hvarfner et al. 2024).
    likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
    with contextlib.suppress(ModelFittingError):
        fit_gpytorch_mll(likelihood, optimizer_kwargs={"options": {"maxiter": FIT_STEPS}}, max_attempts=1)
    return model.eval()

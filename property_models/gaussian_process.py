"""Gaussian processes: few rows, and an interval that widens away from them."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from property_models.errors import HeadError
from property_models.head import Array
from property_models.quantile import QuantileHead
from property_models.regressor import WEIGHER_ALPHA, Regressor

NINE_OF_TEN = 1.6449  # standard deviations on either side of a normal value
JITTER = 1e-6
ROWS_OF_SETTINGS = 2000  # that length scale, amplitude and noise are found on; the posterior is of all rows


class GaussianProcessHead(Regressor):
    """Gaussian process with a squared exponential kernel on inducing points (Titsias 2009, "SGPR").

    GPyTorch finds length scale, amplitude and noise by the marginal likelihood (`pip install 'latentopt[gp]'`); what is
    kept is the posterior as matrices, so that a fitted head is used without it. The posterior's own interval is the
    first guess that the conformal one begins with.

    Args:
        points: inducing points, drawn from the rows. steps: of Adam. learning_rate: of Adam.
        scale: "identity", "log1p" for counts or "logit" for rates.
        random_state: seed of the points, and of the rows that are set aside for the intervals.
    """

    kind: ClassVar[str] = "gaussian-process"
    search = {"points": (32, 512), "learning_rate": (0.02, 0.3)}

    def __init__(
        self,
        *,
        points: int = 200,
        steps: int = 60,
        learning_rate: float = 0.1,
        scale: str = "identity",
        random_state: int = 0,
    ) -> None:
        self.points = points
        self.steps = steps
        self.learning_rate = learning_rate
        self.scale = scale
        self.random_state = random_state

    def weigher(self) -> QuantileHead:
        """Its interval is as wide as the opinions say."""
        return QuantileHead(alpha=WEIGHER_ALPHA, scale=self.scale, random_state=self.random_state)

    def raw(self, z: Tensor) -> Tensor:
        """Mean of a row, and the ends of nine of ten by the posterior and its noise, (n, 3)."""
        t = self._cast(z)
        length, amplitude, noise, centre = t["settings"]
        k = amplitude * torch.exp(-_square_distances(z / length, t["points"] / length) / 2)  # (n, points)
        mean = centre + k @ t["weight"]
        variance = (amplitude + noise - (k @ t["root"]).square().sum(1, keepdim=True)).clamp_min(noise * 0.1)
        half = NINE_OF_TEN * variance.sqrt()
        return torch.cat([mean, mean - half, mean + half], dim=1)

    def bounds(self, outputs: Array) -> tuple[Array, Array]:
        return outputs[:, 1], outputs[:, 2]

    def _fit_raw(
        self, x: Array, target: NDArray[Any], outputs: int, *, weights: Array, groups: NDArray[np.intp] | None = None
    ) -> dict[str, Tensor]:
        draw = np.random.default_rng(self.random_state)
        chosen = draw.permutation(len(x))
        points = torch.tensor(np.unique(x[chosen[: self.points]], axis=0))
        some = chosen[:ROWS_OF_SETTINGS]
        centre, spread = float(target.mean()), float(target.std()) or 1.0
        y = (target - centre) / spread
        length, amplitude, noise = self._settings(torch.tensor(x[some]), torch.tensor(y[some]), points)
        amplitude, noise = spread**2 * amplitude, spread**2 * noise
        z, rest, precision = torch.tensor(x), torch.tensor(target - centre)[:, None], torch.tensor(weights) / noise
        kmm = amplitude * torch.exp(-_square_distances(points / length, points / length) / 2)
        kmm = kmm + JITTER * amplitude * torch.eye(len(points)).double()
        kmn = amplitude * torch.exp(-_square_distances(points / length, z / length) / 2)
        both = kmm + (kmn * precision) @ kmn.T
        inverse = torch.linalg.inv(both)
        # What the rows have made certain, as a root: its digits are half those of the matrix, which float32 has not.
        values, vectors = torch.linalg.eigh(torch.linalg.inv(kmm) - inverse)
        return {
            "points": points,
            "weight": inverse @ ((kmn * precision) @ rest),  # Titsias 2009, eq. 6
            "root": vectors * values.clamp_min(0).sqrt(),
            "settings": torch.tensor([length, amplitude, noise, centre]).double(),
        }

    def _settings(self, z: Tensor, y: Tensor, points: Tensor) -> tuple[float, float, float]:
        """Length scale, amplitude and variance of the noise, of standardized values."""
        try:
            import gpytorch
        except ImportError as error:
            raise HeadError(
                "a Gaussian process is fitted by GPyTorch, which is not installed; pip install 'latentopt[gp]'"
            ) from error

        class Model(gpytorch.models.ExactGP):
            def __init__(self, likelihood: Any) -> None:
                super().__init__(z, y, likelihood)
                self.mean_module = gpytorch.means.ZeroMean()
                self.base = gpytorch.kernels.ScaleKernel(gpytorch.kernels.RBFKernel())
                self.covariance = gpytorch.kernels.InducingPointKernel(self.base, points.clone(), likelihood)

            def forward(self, at: Tensor) -> Any:
                return gpytorch.distributions.MultivariateNormal(self.mean_module(at), self.covariance(at))

        likelihood = gpytorch.likelihoods.GaussianLikelihood().double()
        model = Model(likelihood).double()
        model.covariance.inducing_points.requires_grad_(False)
        model.base.base_kernel.lengthscale = float(z.shape[1]) ** 0.5 * float(z.std() or 1.0)
        likelihood.noise = 0.5
        objective = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
        learned = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(learned, lr=self.learning_rate)
        model.train()
        for _ in range(self.steps):
            optimizer.zero_grad()
            loss = -objective(model(z), y)
            loss.backward()
            optimizer.step()
        return (
            model.base.base_kernel.lengthscale.item(),
            model.base.outputscale.item(),
            likelihood.noise.item(),
        )


def _square_distances(a: Tensor, b: Tensor) -> Tensor:
    """Squared distances (n, m) of rows (n, d) and (m, d); twice differentiable, where `cdist` is not."""
    return (a.square().sum(1)[:, None] + b.square().sum(1)[None] - 2 * a @ b.T).clamp_min(0)

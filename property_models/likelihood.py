"""Minimizing a smooth loss of few parameters: what families with a likelihood have in common."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

MAX_STEPS = 500


def minimized(loss: Callable[[Tensor], Tensor], start: Tensor, *, tolerance: float = 1e-6) -> Tensor:
    """Parameters (p,) in double precision at a minimum of a loss (p,) -> (), by L-BFGS (Liu & Nocedal 1989)."""

    def value_and_slope(x: np.ndarray) -> tuple[float, np.ndarray]:
        parameters = torch.tensor(x, requires_grad=True)
        found = loss(parameters)
        (slope,) = torch.autograd.grad(found, parameters)
        return float(found.detach()), slope.numpy()

    found = minimize(
        value_and_slope,
        start.double().numpy(),
        jac=True,
        method="L-BFGS-B",
        tol=tolerance,
        options={"maxiter": MAX_STEPS},
    )
    return torch.tensor(found.x)

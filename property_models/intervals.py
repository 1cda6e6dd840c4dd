"""Conformal prediction intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

PERCENTILES = np.linspace(0, 1, 101)
KEPT = 200  # quantiles of the residuals of unseen groups


def conformal_radius(residuals: NDArray[np.float64], level: float) -> float:
    """By how much a first guess at an interval is widened (Lei et al. 2018, alg. 2; Romano et al. 2019, eq. 8).

    Args:
        residuals: by how much rows that the model was not fitted on lie outside their guess, below 0 if inside,
            shape (n,); absolute errors, where the guess is a point.
        level: share of new rows that the interval shall cover, between 0 and 1.

    Returns:
        The ceil((n + 1) * level)-th smallest residual; infinity where n is too small for the level.
    """
    n = len(residuals)
    rank = int(np.ceil((n + 1) * level))
    return float(np.sort(residuals)[rank - 1]) if rank <= n else float("inf")


def unseen_radii(residuals: NDArray[np.float64], groups: NDArray[Any]) -> NDArray[np.float64]:
    """Residuals (m,) that stand for a row of a group that nothing is known of, however large the known ones are.

    Each group counts once: quantiles of all residuals (n,), each weighted by 1 over its group's rows (Dunn et al. 2023,
    "Distribution-free prediction sets for two-layer hierarchical models", pooling CDFs).
    """
    _, index, counts = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(residuals)
    mass = np.cumsum(1 / counts[index][order])
    m = min(KEPT, len(residuals))
    wanted = (np.arange(m) + 1) / (m + 1) * mass[-1]
    return np.asarray(residuals[order][np.searchsorted(mass, wanted).clip(max=len(order) - 1)])

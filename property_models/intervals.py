"""Conformal prediction intervals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def conformal_radius(residuals: NDArray[np.float64], level: float) -> float:
    """Half the width of a split-conformal interval (Lei et al. 2018, algorithm 2).

    Args:
        residuals: absolute errors on rows that the model was not fitted on, shape (n,).
        level: share of new rows that the interval shall cover, between 0 and 1.

    Returns:
        The ceil((n + 1) * level)-th smallest residual; infinity where n is too small for the level.
    """
    n = len(residuals)
    rank = int(np.ceil((n + 1) * level))
    return float(np.sort(residuals)[rank - 1]) if rank <= n else float("inf")

"""Which of several points are worth a look: those that no other point beats in everything."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def pareto(points: Any) -> NDArray[np.bool_]:
    """The Pareto front: points that no other point dominates.

    A point dominates another if it is at least as good in every respect, and better in one.

    Args:
        points: shape (n, k), larger is better; negate what shall be small.

    Returns:
        Booleans (n,). Equal points are on the front together, or not; a point with a NaN is never.
    """
    points = np.asarray(points, dtype=np.float64)
    no_worse = (points[:, None] >= points[None]).all(2)  # (n, n): is row at least as good as column, in everything?
    better = (points[:, None] > points[None]).any(2)
    return np.asarray(~(no_worse & better).any(0) & ~np.isnan(points).any(1))

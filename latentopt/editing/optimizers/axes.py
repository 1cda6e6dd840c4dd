"""Coordinates in which latents vary alike."""

from __future__ import annotations

import torch
from torch import Tensor


def axes(covariance: Tensor) -> Tensor:
    """The principal axes of a covariance (d, d), each as long as the standard deviation there, in columns (d, d).

    z = mean + axes @ u has this covariance where u is standard normal: a step of one in u is as large, in every
    direction, as texts vary there.
    """
    variance, directions = torch.linalg.eigh(covariance)
    return directions * variance.clamp_min(0).sqrt()

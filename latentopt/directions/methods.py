"""Ways of choosing axes among those along which latents vary, for `discover`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Method(Protocol):
    """One way of choosing axes among those along which latents vary."""

    def __call__(self, white: Tensor, *, seed: int) -> Tensor:
        """Axes (k, k), a column each and one long, of latents (n, k) on principal axes of variance 1."""


def principal(white: Tensor, *, seed: int) -> Tensor:
    """The axes of the largest variance, as they are."""
    import torch

    return torch.eye(white.shape[1])


def independent(white: Tensor, *, seed: int) -> Tensor:
    """Axes along each of which texts lie as far from normally as can be (FastICA, Hyvärinen 1999).

    Few texts have much of something, which is easier to name.
    """
    import numpy as np
    import torch
    from sklearn.decomposition import FastICA

    ica = FastICA(whiten=False, random_state=seed, max_iter=500, tol=1e-3).fit(white.double().numpy())
    turn = torch.tensor(np.asarray(ica.mixing_)).float()  # (k, k): white = sources turn'
    return turn / (turn.norm(dim=0, keepdim=True)).clamp_min(1e-12)


METHODS: Mapping[str, Method] = {"principal": principal, "independent": independent}  # names for those who type

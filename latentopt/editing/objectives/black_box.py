"""A loss that has no gradient."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from latentopt.editing.objectives.objective import Objective


class BlackBox(Objective):
    """Losses of any function of latents, which only optimizers that need no gradient can lower.

    Args:
        function: (n, d) -> (n,), lower is better; row i has to do with row i alone. It is called without gradients, for
            instance to decode latents and to judge their texts.
    """

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        self.function = function

    def __call__(self, z: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.as_tensor(self.function(z)).to(z)

    @property
    def differentiable(self) -> bool:
        return False

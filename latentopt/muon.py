"""Muon for the weight matrices, AdamW for the rest, as one optimizer that the Trainer can save and schedule.

Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks") steps along the orthogonalised
momentum of a matrix. The bundled model is trained with it (experiments/bundled).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import AdamW, Optimizer


class MuonAdamW(Optimizer):
    """torch's Muon and AdamW behind one `step`.

    Both have the given learning rate; Muon's is scaled to AdamW's step size.

    Args:
        model: linear layers' weights go to Muon; embeddings, norms and biases to AdamW.
        lr: learning rate of both. betas: AdamW's. momentum: Muon's.

    Raises:
        AttributeError: with a torch older than 2.9, which has no Muon.
    """

    def __init__(
        self, model: nn.Module, *, lr: float, betas: tuple[float, float] = (0.9, 0.98), momentum: float = 0.95
    ) -> None:
        embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
        linear = [m.weight for m in model.modules() if isinstance(m, nn.Linear) and id(m.weight) not in embeddings]
        chosen = {id(p) for p in linear}
        rest = [p for p in model.parameters() if id(p) not in chosen]
        self.muon = torch.optim.Muon(linear, lr=lr, momentum=momentum, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
        self.adamw = AdamW(rest, lr=lr, betas=betas, weight_decay=0.0)
        super().__init__([*linear, *rest], {"lr": lr})
        # The groups themselves are shared, so that a scheduler that changes ours changes theirs.
        self.param_groups = [*self.muon.param_groups, *self.adamw.param_groups]

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Step both."""
        if closure is not None:
            raise ValueError("MuonAdamW takes no closure: compute the loss before the step")
        self.muon.step()
        self.adamw.step()

    def state_dict(self) -> dict[str, Any]:
        """Both states, under their names."""
        return {"muon": self.muon.state_dict(), "adamw": self.adamw.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load both states."""
        self.muon.load_state_dict(state_dict["muon"])
        self.adamw.load_state_dict(state_dict["adamw"])
        self.param_groups = [*self.muon.param_groups, *self.adamw.param_groups]

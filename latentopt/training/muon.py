"""Muon for the weight matrices, AdamW for the rest, as one optimizer that the Trainer can save and schedule.

Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks") steps along the orthogonalised
momentum of a matrix. The bundled model is trained with it (experiments/bundled).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from latentopt.model.writing import bf16_is_fast

ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration, Jordan et al.
ROOT_MEAN_SQUARE = 0.2  # of AdamW's steps, which Muon's are scaled to (Liu et al. 2025, "Muon is scalable", eq. 4)


class MuonAdamW(Optimizer):
    """Muon and torch's AdamW behind one `step`.

    Both have the given learning rate; Muon's is scaled to AdamW's step size.

    Args:
        model: linear layers' weights go to Muon; embeddings, the output layer, norms and biases to AdamW.
        lr: learning rate of both. betas: AdamW's. momentum: Muon's.
    """

    def __init__(
        self, model: nn.Module, *, lr: float, betas: tuple[float, float] = (0.9, 0.98), momentum: float = 0.95
    ) -> None:
        tokens = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
        tokens |= {id(m.weight) for name, m in model.named_modules() if name.endswith("lm_head")}
        linear = [m.weight for m in model.modules() if isinstance(m, nn.Linear) and id(m.weight) not in tokens]
        chosen = {id(p) for p in linear}
        rest = [p for p in model.parameters() if id(p) not in chosen]
        self.muon = _Muon(linear, lr=lr, momentum=momentum)
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


class _Muon(Optimizer):
    """Muon with Nesterov's momentum.

    torch's own (2.9 and later) orthogonalises in bf16 whatever the machine, which processors without bf16 do a
    hundred times slower than fp32, and one matrix at a time.
    """

    def __init__(self, matrices: Iterable[Tensor], *, lr: float, momentum: float) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            alike: dict[Any, list[Tensor]] = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    alike[matrix.shape, matrix.device, matrix.dtype].append(matrix)
            for (shape, *_), matrices in alike.items():
                steps = orthogonalised(torch.stack([self._momentum(m, group["momentum"]) for m in matrices]))
                size = ROOT_MEAN_SQUARE * max(shape) ** 0.5
                for matrix, step in zip(matrices, steps.unbind(), strict=True):
                    matrix.add_(step, alpha=-group["lr"] * size)

    def _momentum(self, matrix: Tensor, momentum: float) -> Tensor:
        assert matrix.grad is not None
        state = self.state[matrix]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        mean: Tensor = state["momentum_buffer"].lerp_(matrix.grad, 1 - momentum)
        return matrix.grad.lerp(mean, momentum)


def orthogonalised(matrices: Tensor) -> Tensor:
    """Matrices (k, a, b) with singular values brought to about 1 (0.7 to 1.2), by Newton-Schulz iterations.

    X <- p X + q (X X') X + r (X X')^2 X, Jordan et al. 2024. Values under a hundredth of the norm stay smaller.
    """
    x = matrices.to(torch.bfloat16 if bf16_is_fast(matrices.device) else torch.float32)
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp_min(1e-7)  # no singular value above 1
    if tall := x.shape[1] > x.shape[2]:
        x = x.mT
    p, q, r = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = x @ x.mT  # (k, a, a), the smaller of both products
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=q, alpha=r), x, beta=p)
    return (x.mT if tall else x).to(matrices.dtype)

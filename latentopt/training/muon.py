"""Muon for the weight matrices, AdamW for the rest, as one optimizer that the Trainer can save and schedule.

Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks") steps along the orthogonalised
momentum of a matrix. A model from scratch often needs fewer steps with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW, Optimizer

from latentopt.model.bf16 import bf16_is_fast

ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration, Jordan et al.
ROOT_MEAN_SQUARE = 0.2  # of AdamW's steps, which Muon's are scaled to (Liu et al. 2025, "Muon is scalable", eq. 4)


class MuonAdamW(Optimizer):
    """Muon and torch's AdamW behind one `step`.

    Each group has the same learning rate for both; Muon's is scaled to AdamW's step size.

    Args:
        groups: of parameters, each with its "lr"; those with "matrices" true go to Muon, the others, embeddings, norms
            and biases, to AdamW.
        betas: AdamW's. momentum: Muon's.
    """

    def __init__(
        self,
        groups: Sequence[Mapping[str, Any]],
        *,
        betas: tuple[float, float] = (0.9, 0.98),
        momentum: float = 0.95,
    ) -> None:
        matrices = [dict(group) for group in groups if group["matrices"]]
        rest = [dict(group) for group in groups if not group["matrices"]]
        self.muon = _Muon(matrices, momentum=momentum)
        self.adamw = AdamW(rest, betas=betas, weight_decay=0.0)
        super().__init__([p for group in groups for p in group["params"]], {})
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

    def __init__(self, groups: Sequence[dict[str, Any]], *, momentum: float) -> None:
        super().__init__(groups, {"momentum": momentum})

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

"""What the machine can do, and what is asked of it: matrix products, which nearly all of the work is."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from latentopt.model.bf16 import bf16_is_fast

SQUARE = 4096  # side of the matrices
PRECISION = torch.bfloat16 if bf16_is_fast(torch.device("cpu")) else torch.float32


def matmul_rate() -> float:
    """FLOP a second of matrix products, in bf16 where that is fast: the best of five of a large square one."""
    a, b = (torch.randn(SQUARE, SQUARE, dtype=PRECISION) for _ in range(2))
    a @ b
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - begun)
    return 2 * SQUARE**3 / best


class Products(TorchDispatchMode):
    """Counts the FLOP of matrix products, by PyTorch's own formulas.

    FlopCounterMode follows which module is at work, too, and fails where a latent has a gradient and weights have none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flop = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        counted = flop_registry.get(func._overloadpacket)
        if counted is not None:
            self.flop += counted(*args, **(kwargs or {}), out_val=made)
        return made

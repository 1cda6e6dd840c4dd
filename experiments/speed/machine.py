"""What the machine can do, and what is asked of it: matrix products, which nearly all of the work is."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

SQUARE = 4096  # side of the matrices
SMALL = 512  # of those that say which precision is the quicker


def matmul_rate(dtype: torch.dtype, side: int = SQUARE) -> float:
    """FLOP a second of matrix products: the best of five of a large square one."""
    a, b = (torch.randn(side, side, dtype=dtype) for _ in range(2))
    a @ b
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - begun)
    return 2 * side**3 / best


def best_rate() -> float:
    """FLOP a second in the quicker of fp32 and bf16: where a processor has no bf16, a large product takes minutes."""
    quicker = max((torch.float32, torch.bfloat16), key=lambda dtype: matmul_rate(dtype, SMALL))
    return matmul_rate(quicker)


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

"""Training a model to be rounded, so that shipping it in 4 or 5 bits a weight costs next to nothing.

Each step computes with rounded weights and moves the ones that are not rounded, by the gradient at the rounded ones:
the straight-through estimator (Bengio et al. 2013) of quantization-aware training (Jacob et al. 2018). Without it,
rounding a model of 142 million weights to 4 and 5 bits cost a third of a nat a character.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import TrainerCallback

from latentopt.model import T5VAE
from latentopt.model.quantized import BLOCK, Bits, Precision, is_quantized
from latentopt.training.batch_loss import TrainingLoss

CACHED = 4096  # blocks that are rounded together: what stays in a processor's cache is not fetched ten times


@torch.no_grad()
def round_(weight: Tensor, bits: Bits) -> None:
    """Round a weight (n, d), d a multiple of 32, or many end to end, in place, to what Q4_0, Q5_0 or Q8_0 can say."""
    blocks = weight.view(-1, BLOCK)
    for block in blocks.split(CACHED if weight.device.type == "cpu" else len(blocks)):
        high, low = block.amax(1, keepdim=True), block.amin(1, keepdim=True)
        if bits == 8:
            scale = torch.maximum(high, -low) / 127
            block.mul_(torch.where(scale == 0, 0.0, 1 / scale))
            block.copy_(block.sign() * (block.abs() + 0.5).floor()).mul_(scale.half().float())
            continue
        most = 2 ** (bits - 1)
        scale = torch.where(high > -low, high, low) / -most  # the largest weight of a block is said exactly
        inverse = torch.where(scale == 0, 0.0, 1 / scale)
        block.mul_(inverse).add_(most + 0.5).trunc_().clamp_(0, 2 * most - 1).sub_(most).mul_(scale.half().float())


@contextmanager
def rounded(model: T5VAE, precision: Precision | None) -> Iterator[None]:
    """Compute with a model's weights as they will be saved; with none, as they are.

    What is learned is right for these alone: nothing holds the exact weights of a training in place between two steps
    of the rounding, and what is measured with them gets worse while the rounded model gets better.
    """
    if precision is None:
        yield
        return
    steps = RoundedSteps(precision)
    steps.round(model)
    try:
        yield
    finally:
        steps.put_back()


@dataclass(frozen=True)
class _Group:
    """The weights of one precision, and what they are exactly."""

    bits: Bits
    weights: list[Tensor]
    exact: list[Tensor]


class RoundedSteps(TrainerCallback):
    """Rounds a model's weights at the beginning of each step, and puts the exact ones back before they are moved.

    Weights of one precision are rounded together: on a GPU each of a hundred would take as long to begin as to round.
    """

    def __init__(self, precision: Precision) -> None:
        self.precision = precision
        self._groups: list[_Group] = []

    @torch.no_grad()
    def round(self, model: T5VAE) -> None:
        """Round the weights, and keep what they were."""
        if not self._groups:
            found: dict[Bits, list[Tensor]] = defaultdict(list)
            for name, weight in model.named_parameters():
                if is_quantized(weight):
                    found[self.precision.of(name)].append(weight)
            self._groups = [_Group(bits, ws, [torch.empty_like(w) for w in ws]) for bits, ws in found.items()]
        for group in self._groups:
            torch._foreach_copy_(group.exact, group.weights)
            flat = torch.cat([weight.flatten() for weight in group.weights])
            round_(flat, group.bits)
            parts = flat.split([weight.numel() for weight in group.weights])
            torch._foreach_copy_(group.weights, [p.view_as(w) for p, w in zip(parts, group.weights, strict=True)])

    @torch.no_grad()
    def put_back(self) -> None:
        """Make the weights what they were."""
        for group in self._groups:
            torch._foreach_copy_(group.weights, group.exact)

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        loss: TrainingLoss = kwargs["model"]
        self.round(loss.model)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.put_back()

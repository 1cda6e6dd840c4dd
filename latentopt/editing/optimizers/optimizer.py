"""What an optimizer is."""

from __future__ import annotations

from typing import Protocol, TypeVar

from torch import Tensor

from latentopt.editing.objectives import Objective

State = TypeVar("State")


class Optimizer(Protocol[State]):
    """One step at a time, all rows at once; what it remembers is a value that the loop carries."""

    def start(self, objective: Objective, z: Tensor) -> State:
        """What is remembered before the first step from latents (n, d)."""

    def step(self, objective: Objective, z: Tensor, state: State) -> tuple[Tensor, State]:
        """The latents (n, d) after a step, and what is remembered. No row's loss rises."""

"""Callbacks of the Trainer; those of rounded weights are in rounding.py."""

from __future__ import annotations

from typing import Any

from transformers import EarlyStoppingCallback, TrainerCallback

from latentopt.training.batch_loss import TrainingLoss


class RegularizerWarmup(TrainerCallback):
    """Raise the regularizer's weight linearly over the first steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        loss: TrainingLoss = kwargs["model"]
        loss.regularizer_scale = min(1.0, (state.global_step + 1) / self.steps) if self.steps else 1.0


class Patience(EarlyStoppingCallback):
    """Early stopping that goes on counting where a checkpoint left off.

    The Trainer's own restoring of callbacks would bring back the patience of then, too, which may have changed.
    """

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        super().on_train_begin(args, state, control, **kwargs)
        self.early_stopping_patience_counter = self.waited(state)

    @classmethod
    def waited(cls, state: Any) -> int:
        """Evaluations without a better score, as a checkpoint's state has it."""
        known = (state.stateful_callbacks or {}).get(cls.__name__)
        return 0 if known is None else int(known["attributes"]["early_stopping_patience_counter"])

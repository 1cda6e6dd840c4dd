"""What a training run is, as one value: `latentopt train` and the experiments each make one of these.

Neither this file nor those that it imports load torch, so that `latentopt train --help` can say what a recipe has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentopt.training.losses import MMD, LatentNoise, Property, Regularizer, Weights
from latentopt.training.optimizers import AdamW, Maker, Rates
from latentopt.training.starts import NewT5, Start

if TYPE_CHECKING:
    from latentopt.model.quantized import Precision
    from latentopt.training.corruption import Corruption


@dataclass(frozen=True)
class Schedule:
    """How learning rates go: up over the first steps, then as they are, then down to nought along half a cosine.

    warmup_steps: of the rise. decay: share of all steps in which they fall, 0 to 1.
    """

    warmup_steps: int = 100
    decay: float = 1.0

    def __post_init__(self) -> None:
        if self.warmup_steps < 0 or not 0 <= self.decay <= 1:
            raise ValueError(
                "warmup_steps is 0 or more and decay a share from 0 to 1, "
                f"got warmup_steps={self.warmup_steps}, decay={self.decay}"
            )

    def factor(self, step: int, steps: int) -> float:
        """What the rates are multiplied by at a step, 0 being the first, of so many."""
        rise = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        falling = self.decay * max(0, steps - self.warmup_steps)
        fallen = 1 - (steps - step) / falling if falling else 0.0
        return rise * 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, fallen))))


@dataclass(frozen=True)
class Uses:
    """Shares of the uses of the network among the rows of a batch.

    fills: rows whose masked spans are filled. read: rows that are encoded, and not written: they teach the latent what
    texts mean (properties, teacher, regularizer) at a fraction of the price. The others are written whole. null_fills,
    null_wholes: of those that are filled or written, rows that are given the null latent.
    """

    fills: float = 0.65
    null_fills: float = 0.3
    null_wholes: float = 0.25
    read: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.fills, self.null_fills, self.null_wholes, self.read, self.fills + self.read)
        if not all(0 <= share <= 1 for share in shares):
            raise ValueError(f"shares go from 0 to 1, and fills and read together to at most 1, got {self}")


@dataclass(frozen=True)
class Recipe:
    """A training run.

    What is trained:
        start: the weights to begin with, and the shape.
    What it reads beside the texts:
        properties: p of them, in the order of the values that are given with the texts. teacher: directory of a
        sentence-transformers model whose embeddings the latent shall tell.
    Noise and uses:
        corruptions: of the input's tokens. noise: on the latents. uses: shares of whole texts, fills and null latents.
    Losses:
        regularizer: of the latents. regularizer_warmup: steps in which its weight rises. weights: of the other parts.
    Schedule:
        epochs: passes over the texts; or max_steps: steps, whatever the epochs. batch_size: texts in a process's
        step. accumulate: such batches whose gradients make a step. runs: parts of a batch, each of texts of like
        lengths; more of them waste less padding for a regularizer that sees all lengths. schedule, rates: of the
        learning rates; left out, rates are those of `start`. optimizer: what steps. precision: compute with weights
        rounded to it, for a model that is to be saved so (see `rounding`).
    The run:
        seed: of order and noise. eval_steps: steps between two evaluations, each of which saves a checkpoint.
        patience: evaluations without a better BLEU after which the run ends, and the best checkpoint is taken. fp32:
        compute in fp32, also where bf16 is quicker. report_to: "none", or a tracker that the Trainer knows.
    """

    start: Start = NewT5()  # noqa: RUF009 (it is frozen, as all values below)
    properties: tuple[Property, ...] = ()
    teacher: Path | None = None
    corruptions: tuple[Corruption, ...] = ()
    noise: LatentNoise = LatentNoise(0.6)  # noqa: RUF009
    uses: Uses = Uses()
    regularizer: Regularizer = MMD()  # noqa: RUF009
    regularizer_warmup: int = 0
    weights: Weights = Weights()  # noqa: RUF009
    epochs: float = 1.0
    max_steps: int | None = None
    batch_size: int = 128
    accumulate: int = 1
    runs: int = 4
    schedule: Schedule = Schedule()
    rates: Rates = None  # type: ignore[assignment]  # left out, they are the start's
    optimizer: Maker = AdamW()  # noqa: RUF009
    precision: Precision | None = None
    seed: int = 0
    eval_steps: int = 500
    patience: int | None = None
    fp32: bool = False
    report_to: str = "none"

    def __post_init__(self) -> None:
        if self.batch_size < 2 or self.batch_size % self.runs:
            raise ValueError(
                f"a batch has two texts or more and divides into its runs, got {self.batch_size} texts "
                f"in {self.runs} runs"
            )
        if self.rates is None:
            object.__setattr__(self, "rates", self.start.rates)  # the recipe is frozen


# What a run may be gone on with in another way: it changes what is seen of the run, or not more than a machine does.
FREE = ("eval_steps", "patience", "fp32", "report_to")


def described(value: Any) -> Any:
    """A recipe, or a value of one, as JSON has it: each value by its class's name and its fields."""
    if is_dataclass(value) and not isinstance(value, type):
        inner = {field.name: described(getattr(value, field.name)) for field in fields(value)}
        return {"is": type(value).__name__, **inner}
    if isinstance(value, Mapping):
        return {str(key): described(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [described(inner) for inner in value]
    return value.name if isinstance(value, Path) else value  # a folder that was moved is still the same


def identity(recipe: Recipe) -> dict[str, Any]:
    """What must be the same for a run to be gone on with."""
    return {key: value for key, value in described(recipe).items() if key not in (*FREE, "is")}

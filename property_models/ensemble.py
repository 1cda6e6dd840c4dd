"""Ensembles of small neural networks, trained together."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from property_models.base import PropertyModel
from property_models.classifier import Classifier
from property_models.head import Array
from property_models.regressor import Regressor

FEWEST_STEPS = 300  # below this the networks have not moved far from where they start
BF16_ROWS = 5000  # from here on, bf16 products are quicker than the casts that they need


class _Ensemble(PropertyModel):
    """Networks with one hidden layer.

    Each member starts elsewhere and sees its own noise (Lakshminarayanan et al. 2017). Training adds N(0, noise^2) to
    the vectors: a head that is right in a neighbourhood, and not only on the points, has gradients that lead somewhere
    real.
    """

    search = {
        "noise": (0.05, 1.5),
        "hidden": (16, 256),
        "learning_rate": (3e-4, 1e-2),
        "weight_decay": (1e-4, 1.0),
        "epochs": (4, 20),
    }
    members: int
    hidden: int
    noise: float
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    random_state: int

    def raw(self, z: Tensor) -> Tensor:
        """The members' mean output, (n, outputs)."""
        return self.raw_members(z).mean(0)

    def raw_members(self, z: Tensor) -> Tensor:
        """Each member's output, (members, n, outputs); their spread says where the data does not decide."""
        return _forward(self._cast(z), z)

    def _fit_raw(
        self, x: Array, target: NDArray[Any], outputs: int, *, weights: Array, groups: NDArray[np.intp] | None = None
    ) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(self.random_state)
        z = torch.tensor(x, dtype=torch.float32)
        spread = 1.0 if outputs > 1 else float(np.std(target)) or 1.0
        y = torch.tensor(target, dtype=torch.long) if outputs > 1 else torch.tensor(target / spread).float()
        weight = torch.tensor(weights).float()
        d, width, m = z.shape[1], self.hidden, self.members
        # Constants, by which outliers of a dimension do not get large gradients; not learned.
        mean, std = z.mean(0), z.std(0, unbiased=False).clamp_min(1e-6)
        parameters = {
            "w1": torch.randn(m, d, width, generator=generator) * d**-0.5,
            "b1": torch.zeros(m, 1, width),
            "w2": torch.randn(m, width, outputs, generator=generator) * 0.1 * width**-0.5,
            "b2": torch.zeros(m, 1, outputs),
        }
        order = torch.randperm(len(z), generator=generator)
        held = order[: len(z) // 10] if len(z) >= 50 else order  # early stopping needs rows; few rows are all used
        train = order[len(z) // 10 :] if len(z) >= 50 else order
        # An intercept for each group, learned with the rest and then forgotten: what tells groups apart is not learned.
        level = torch.zeros(m, 1 if groups is None else int(groups.max()) + 1)
        group = torch.zeros(len(z), dtype=torch.long) if groups is None else torch.tensor(groups)
        learned = [p.requires_grad_() for p in parameters.values()]
        if groups is not None:
            learned.append(level.requires_grad_())
        optimizer = torch.optim.AdamW(learned, lr=self.learning_rate, weight_decay=self.weight_decay)
        steps = -(-len(train) // self.batch_size)  # of an epoch
        epochs = max(self.epochs, -(-FEWEST_STEPS // steps))
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.learning_rate, total_steps=epochs * steps)
        best, kept = float("inf"), {k: v.detach().clone() for k, v in parameters.items()}
        fixed = {"mean": mean, "std": std}

        def loss(rows: Tensor, noise: float) -> Tensor:
            inputs = z[rows][None].expand(m, -1, -1)
            if noise:
                inputs = inputs + noise * torch.randn(inputs.shape, generator=generator)
            with torch.autocast("cpu", torch.bfloat16, enabled=len(z) >= BF16_ROWS):
                out = _forward({**parameters, **fixed}, inputs).float()  # (m, rows, outputs)
            if outputs == 1:
                squares = (out[..., 0] + level[:, group[rows]] - y[rows]) ** 2
                return (weight[rows] * squares).mean()
            losses = F.cross_entropy(out.flatten(0, 1), y[rows].repeat(m), reduction="none")
            return (weight[rows].repeat(m) * losses).mean()

        for _ in range(epochs):
            for rows in train[torch.randperm(len(train), generator=generator)].split(self.batch_size):
                optimizer.zero_grad()
                loss(rows, self.noise).backward()
                optimizer.step()
                schedule.step()
            with torch.no_grad():
                now = loss(held, 0.0).item()
            if now < best:
                best, kept = now, {k: v.detach().clone() for k, v in parameters.items()}
        kept["w2"], kept["b2"] = kept["w2"] * spread, kept["b2"] * spread
        return {k: v.double() for k, v in {**kept, **fixed}.items()}


def _forward(p: dict[str, Tensor], z: Tensor) -> Tensor:
    hidden = F.silu(((z - p["mean"]) / p["std"]) @ p["w1"] + p["b1"])  # (members, n, hidden)
    return hidden @ p["w2"] + p["b2"]


class MLPEnsembleRegressor(_Ensemble, Regressor):
    """Ensemble of one-layer networks for a number.

    Args:
        members: networks. hidden: their width. noise: standard deviation of the noise on the vectors.
        epochs: passes over the data, more of few rows, until there are 300 steps; the best by a tenth that is held out
            is kept. batch_size: rows per step.
        learning_rate: largest, of a one-cycle schedule. weight_decay: of AdamW.
        scale: "identity", or "log1p" for counts. random_state: seed.
    """

    kind: ClassVar[str] = "mlp-regressor"

    def __init__(
        self,
        *,
        members: int = 4,
        hidden: int = 128,
        noise: float = 0.5,
        epochs: int = 12,
        batch_size: int = 512,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-2,
        scale: str = "identity",
        random_state: int = 0,
    ) -> None:
        self.members = members
        self.hidden = hidden
        self.noise = noise
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.scale = scale
        self.random_state = random_state


class MLPEnsembleClassifier(_Ensemble, Classifier):
    """Ensemble of one-layer networks for one of several classes; arguments as in `MLPEnsembleRegressor`."""

    kind: ClassVar[str] = "mlp-classifier"

    def __init__(
        self,
        *,
        members: int = 4,
        hidden: int = 128,
        noise: float = 0.5,
        epochs: int = 12,
        batch_size: int = 512,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-2,
        random_state: int = 0,
    ) -> None:
        self.members = members
        self.hidden = hidden
        self.noise = noise
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.random_state = random_state

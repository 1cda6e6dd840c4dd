"""What steps, and how fast each part of the network learns."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from latentopt.training.batch_loss import TrainingLoss

PARTS = ("language_model", "encoder", "new")


@dataclass(frozen=True)
class Rates:
    """Learning rates of a network's parts.

    new: of what starts from nothing (bottleneck, null latent, predictions). encoder, language_model: those of the
    encoder and of the decoder with its embeddings, as shares of it; what was pretrained wants to be changed little.
    """

    new: float = 2e-3
    encoder: float = 1.0
    language_model: float = 1.0

    def of(self, part: str) -> float:
        """The learning rate of one of PARTS."""
        return self.new * {"new": 1.0, "encoder": self.encoder, "language_model": self.language_model}[part]


class Maker(Protocol):
    """Makes the optimizer of a run."""

    def make(self, groups: list[dict[str, Any]]) -> Optimizer:
        """The optimizer for the groups of `parameter_groups`."""


@dataclass(frozen=True)
class AdamW:
    """torch's AdamW (Loshchilov & Hutter 2019)."""

    beta1: float = 0.9
    beta2: float = 0.98
    weight_decay: float = 0.01

    def make(self, groups: list[dict[str, Any]]) -> Optimizer:
        import torch

        return torch.optim.AdamW(groups, betas=(self.beta1, self.beta2), weight_decay=self.weight_decay, fused=True)


@dataclass(frozen=True)
class Muon:
    """Muon for the matrices of layers, AdamW for the rest: see `latentopt.training.muon`."""

    momentum: float = 0.95

    def make(self, groups: list[dict[str, Any]]) -> Optimizer:
        from latentopt.training.muon import MuonAdamW

        return MuonAdamW(groups, momentum=self.momentum)


def parameter_groups(loss: TrainingLoss, rates: Rates, *, new_cross_attention: bool) -> list[dict[str, Any]]:
    """The parameters of a loss and its model in groups: {"params", "lr", "part", "matrices"}.

    Args:
        loss: around the model.
        rates: of the parts.
        new_cross_attention: whether it starts from nothing and belongs to the new parts.

    Returns:
        One group for each of PARTS and, within it, for weights of linear layers ("matrices" is true), and the rest.
    """
    from torch import nn

    linear = {id(m.weight) for name, m in loss.named_modules() if isinstance(m, nn.Linear) and "lm_head" not in name}
    cross = {
        id(p)
        for block in loss.model.t5.decoder.block
        if len(block.layer) == 3 and new_cross_attention
        for p in block.layer[1].parameters()
    }
    found: dict[tuple[str, bool], list[nn.Parameter]] = defaultdict(list)
    for name, parameter in loss.named_parameters():
        if not name.startswith("model.t5.") or id(parameter) in cross:
            part = "new"
        else:
            part = "encoder" if name.startswith("model.t5.encoder.") else "language_model"
        matrix = id(parameter) in linear and id(parameter) != id(loss.model.t5.shared.weight)
        found[part, matrix].append(parameter)
    return [
        {"params": found[part, matrices], "lr": rates.of(part), "part": part, "matrices": matrices}
        for part in PARTS
        for matrices in (True, False)
        if found[part, matrices]
    ]

"""The loss of a batch: the weighted sum of what each use of the network and each lesson costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.utils.generic import ModelOutput

from latentopt.model import T5VAE
from latentopt.training.losses import LatentNoise, Property, Regularizer, Weights


@dataclass
class Losses(ModelOutput):
    """loss: what is minimized. The parts are means, not weighted; None where a batch has nothing of the kind."""

    loss: Tensor
    wholes: Tensor | None = None
    fills: Tensor | None = None
    regularization: Tensor | None = None
    teacher: Tensor | None = None
    properties: Tensor | None = None


class TrainingLoss(nn.Module):
    """The loss of a batch, as a module around the model, so that all processes of a training share its gradients.

    Args:
        model: what is trained.
        regularizer: of the latents. noise: on them.
        properties: p of them, in the order of a batch's values; each is predicted linearly from the noisy latent.
        weights: of the parts.
    """

    def __init__(
        self,
        model: T5VAE,
        *,
        regularizer: Regularizer,
        noise: LatentNoise,
        properties: Sequence[Property] = (),
        weights: Weights = Weights(),  # noqa: B008 (frozen)
    ) -> None:
        super().__init__()
        self.model = model
        self.regularizer = regularizer
        self.noise = noise
        self.properties = list(properties)
        self.weights = weights
        self.predict = nn.Linear(model.pooled_dim, len(self.properties)) if properties else None
        self.regularizer_scale = 1.0  # a schedule raises it

    def forward(self, runs: Sequence[Mapping[str, Tensor]]) -> Losses:
        """The loss of a batch of `Collator`, whose runs are encoded and decoded one by one and regularized together."""
        model = self.model
        means, log_variances, sources = [], [], []
        for run in runs:
            # The texts and the masked sources are one batch for the encoder.
            rows, width = run["input_ids"].shape
            ids, mask = run["input_ids"], run["attention_mask"]
            if "source_ids" in run:
                room = run["source_ids"].shape[1] - width
                ids = torch.cat([F.pad(ids, (0, room), value=model.config.pad_token_id), run["source_ids"]])
                mask = torch.cat([F.pad(mask, (0, room)), run["source_mask"]])
            states = model.states(ids, mask)
            mean, log_variance = model.posterior(states[:rows, :width], run["attention_mask"])
            means.append(mean)
            log_variances.append(log_variance)
            sources.append(states[rows:])
        z = torch.cat(means)
        known = [part for part in log_variances if part is not None]
        log_variance = torch.cat(known) if known else None
        noisy = self.noise(z, log_variance)
        wholes, fills = [], []
        for run, source, here in zip(runs, sources, noisy.split([len(mean) for mean in means]), strict=True):
            k, m = len(run["labels"]), len(source)
            if k:
                loss = model.token_loss(model.memory(here[:k], null=run["null"][:k]), run["labels"])
                wholes.append((loss, (run["labels"] != model.config.pad_token_id).float()))
            if m:
                fill = slice(k, k + m)  # the rows after these are only read
                memory = model.memory(
                    here[fill, : model.pooled_dim], source, run["source_mask"], null=run["null"][fill]
                )
                fills.append((model.token_loss(memory, run["target"]), run["weights"]))
        with torch.autocast(z.device.type, enabled=False):  # squared distances lose all their digits in bf16
            log_variance = None if log_variance is None else log_variance.float()
            parts = Losses(
                loss=z.new_zeros(()),
                wholes=_weighted_mean(wholes),
                fills=_weighted_mean(fills),
                regularization=self.regularizer(z.float(), log_variance),
                teacher=self._teacher(runs, noisy),
                properties=self._properties(runs, noisy),
            )
        weights = self.weights
        for weight, part in (
            (weights.wholes, parts.wholes),
            (weights.fills, parts.fills),
            (self.regularizer_scale, parts.regularization),
            (weights.teacher, parts.teacher),
            (weights.properties, parts.properties),
        ):
            if part is not None:
                parts.loss = parts.loss + weight * part
        return parts

    def _teacher(self, runs: Sequence[Mapping[str, Tensor]], z: Tensor) -> Tensor | None:
        if self.model.to_embedding is None or "embeddings" not in runs[0]:
            return None
        wanted = torch.cat([run["embeddings"] for run in runs])
        return 1 - F.cosine_similarity(self.model.embed(z[:, : self.model.pooled_dim].float()), wanted, dim=1).mean()

    def _properties(self, runs: Sequence[Mapping[str, Tensor]], z: Tensor) -> Tensor | None:
        if self.predict is None:
            return None
        values = torch.cat([run["values"] for run in runs])
        predicted = self.predict(z[:, : self.model.pooled_dim].float())
        each = [p.weight * p.loss(predicted[:, i], values[:, i]) for i, p in enumerate(self.properties)]
        return torch.stack(each).sum() / len(z)


def _weighted_mean(parts: Sequence[tuple[Tensor, Tensor]]) -> Tensor | None:
    """Of values (b, u) by weights (b, u), over all parts."""
    if not parts:
        return None
    total = torch.stack([(value * weight).sum() for value, weight in parts]).sum()
    return total / torch.stack([weight.sum() for _, weight in parts]).sum().clamp(min=1)

"""What a T5VAE is trained by: one loss, the weighted sum of what each use of the network and each lesson costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.utils.generic import ModelOutput

from latentopt.model import T5VAE
from latentopt.training import regularizers


class Regularizer(Protocol):
    """What pulls the latents of a batch towards the prior N(0, I).

    needs_variance: whether the encoder must give log variances.
    """

    @property
    def needs_variance(self) -> bool: ...

    def __call__(self, z: Tensor, log_variance: Tensor | None) -> Tensor:
        """A scalar, of latents (n, d) and their log variances, where the encoder gives them."""


@dataclass(frozen=True)
class MMD:
    """`regularizers.mmd`, and `moments` times `regularizers.moments`.

    The second keeps mean and covariance those of the prior, which the MMD of a small batch hardly sees.
    """

    weight: float = 1.0
    moments: float = 0.3
    needs_variance = False

    def __call__(self, z: Tensor, log_variance: Tensor | None) -> Tensor:
        z = regularizers.gathered(z)
        if len(z) < 2:
            return z.new_zeros(())
        found = regularizers.mmd(z, torch.randn_like(z))
        return self.weight * (found + self.moments * regularizers.moments(z) if self.moments else found)


@dataclass(frozen=True)
class KL:
    """`regularizers.kl`: for models whose encoder gives log variances."""

    weight: float = 1.0
    free_bits: float = 0.1
    needs_variance = True

    def __call__(self, z: Tensor, log_variance: Tensor | None) -> Tensor:
        if log_variance is None:
            raise ValueError("the KL regularizer needs a model whose encoder gives log variances: stochastic=True")
        return self.weight * regularizers.kl(z, log_variance, free_bits=self.free_bits)


@dataclass(frozen=True)
class NoRegularizer:
    """Latents go where they want."""

    needs_variance = False

    def __call__(self, z: Tensor, log_variance: Tensor | None) -> Tensor:
        return z.new_zeros(())


@dataclass(frozen=True)
class LatentNoise:
    """Noise that turns each latent towards a draw of the prior, z' = cos(a) z + sin(a) e with e from N(0, I).

    The angle a is uniform from arcsin(least) to arcsin(most). z' follows the prior whatever a is, so the decoder cannot
    tell a draw of the prior from a text's noisy latent: it learns to write what is likely as far as the latent leaves
    it open, and the encoder to put like texts side by side (Shen et al. 2020, "Educating text autoencoders", with noise
    on the latent in place of the tokens). `least` as large as `most` makes it the same for all, so that a latent can
    say -d log2(most) bits whatever the loss (Xu & Durrett 2018, "Spherical latent spaces for stable variational
    autoencoders", with noise of another form).
    """

    most: float = 0.0
    least: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most <= 1:
            raise ValueError(
                f"latent noise is a share from 0 to 1, the least at most the most, got {self.least} and {self.most}"
            )

    def __call__(self, z: Tensor, log_variance: Tensor | None) -> Tensor:
        if log_variance is not None:
            z = z + (0.5 * log_variance).exp() * torch.randn_like(z)
        if not self.most:
            return z
        least, most = math.asin(self.least), math.asin(self.most)
        angle = least + (most - least) * torch.rand_like(z[:, :1])
        return angle.cos() * z + angle.sin() * torch.randn_like(z)


@dataclass(frozen=True)
class Property:
    """Something that the latent shall tell (Gomez-Bombarelli et al. 2018): a number, or whether something is so.

    weight: of it among the properties.
    """

    name: str
    binary: bool = False
    weight: float = 1.0

    def loss(self, predicted: Tensor, value: Tensor) -> Tensor:
        """Sum over the rows (n,) whose value is known, of squared errors (in standard deviations) or of nats."""
        known = ~value.isnan()
        predicted, value = predicted[known], value[known]
        if self.binary:
            return F.binary_cross_entropy_with_logits(predicted, value, reduction="sum")
        return 0.5 * (predicted - value).square().sum()


@dataclass(frozen=True)
class Weights:
    """Of the parts of the loss: nats per token of fills and of whole texts, 1 - cosine, and a property's mean loss."""

    fills: float = 1.0
    wholes: float = 1.0
    teacher: float = 1.0
    properties: float = 0.5


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
        weights: Weights = Weights(),
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

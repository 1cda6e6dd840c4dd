"""Learning rates by part of the network."""

from __future__ import annotations

import pytest
import torch

from latentopt.model import T5VAE
from latentopt.training.batch_loss import TrainingLoss
from latentopt.training.losses import LatentNoise, NoRegularizer, Property
from latentopt.training.optimizers import AdamW, Rates, parameter_groups
from tests.toy import toy_config

RATES = Rates(new=1.0, encoder=0.3, language_model=0.15)


def rates_of(*, new_cross_attention: bool) -> dict[str, float]:
    model = T5VAE(toy_config(300, embedding_dim=5))
    loss = TrainingLoss(model, regularizer=NoRegularizer(), noise=LatentNoise(), properties=[Property("likes")])
    groups = parameter_groups(loss, RATES, new_cross_attention=new_cross_attention)
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    assert sum(len(group["params"]) for group in groups) == len(rates)  # each parameter once
    return {name: rates[id(p)] for name, p in loss.named_parameters()}


def test_each_part_has_its_rate() -> None:
    rates = rates_of(new_cross_attention=False)
    assert rates["model.t5.shared.weight"] == RATES.of("language_model") == 0.15
    assert rates["model.t5.decoder.block.0.layer.1.EncDecAttention.q.weight"] == 0.15
    assert rates["model.t5.encoder.block.0.layer.0.SelfAttention.q.weight"] == RATES.of("encoder") == 0.3
    for name in ("model.null", "model.pooled.value.weight", "model.to_embedding.weight", "predict.weight"):
        assert rates[name] == 1.0


def test_cross_attention_that_is_new_learns_as_fast_as_what_is() -> None:
    rates = rates_of(new_cross_attention=True)
    cross = {name: rate for name, rate in rates.items() if ".decoder." in name and ".layer.1." in name}
    assert "model.t5.decoder.block.0.layer.1.layer_norm.weight" in cross
    assert set(cross.values()) == {1.0}
    assert rates["model.t5.decoder.block.0.layer.0.SelfAttention.q.weight"] == 0.15


def test_adamw_is_torchs() -> None:
    weight = torch.nn.Parameter(torch.ones(2, 2))
    made = AdamW(weight_decay=0.5).make([{"params": [weight], "lr": 0.1}])
    assert isinstance(made, torch.optim.AdamW)
    assert made.param_groups[0]["betas"] == (0.9, 0.98)
    assert made.param_groups[0]["weight_decay"] == pytest.approx(0.5)

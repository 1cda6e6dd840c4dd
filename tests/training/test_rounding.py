"""Weights are rounded as gguf rounds them, in the steps and nowhere else."""

from __future__ import annotations

import copy

import pytest
import torch
from gguf import quants

from latentopt.model import T5VAE
from latentopt.model.quantized import SMALL, TYPES, Bits, is_quantized, load_quantized, save_quantized
from latentopt.training.batch_loss import TrainingLoss
from latentopt.training.losses import MMD, LatentNoise
from latentopt.training.rounding import RoundedSteps, round_, rounded
from tests.toy import toy_space


@pytest.mark.parametrize("bits", [4, 5, 8])
def test_rounding_is_that_of_the_file(bits: Bits):
    weight = torch.randn(48, 64, generator=torch.Generator().manual_seed(0))
    ours = weight.clone()
    round_(ours, bits)
    theirs = torch.from_numpy(quants.dequantize(quants.quantize(weight.numpy(), TYPES[bits]), TYPES[bits]))
    assert torch.equal(ours, theirs)
    again = ours.clone()
    round_(again, bits)
    assert torch.equal(again, ours)


def test_a_step_computes_with_rounded_weights_and_moves_the_exact_ones():
    model = copy.deepcopy(toy_space().model)
    loss = TrainingLoss(model, regularizer=MMD(), noise=LatentNoise())
    before = [w.detach().clone() for w in model.parameters()]
    steps = RoundedSteps(SMALL)
    steps.on_step_begin(None, None, None, model=loss)
    changed = [not torch.equal(w, b) for w, b in zip(model.parameters(), before, strict=True)]
    assert changed == [is_quantized(w) for w in model.parameters()]
    for (name, now), exact in zip(model.named_parameters(), before, strict=True):
        if is_quantized(exact):
            alone = exact.clone()
            round_(alone, SMALL.of(name))
            assert torch.equal(now, alone)
    steps.on_pre_optimizer_step(None, None, None, model=loss)
    assert all(torch.equal(w, b) for w, b in zip(model.parameters(), before, strict=True))


def test_what_is_measured_between_steps_is_measured_with_rounded_weights():
    model = copy.deepcopy(toy_space().model)
    before = [w.detach().clone() for w in model.parameters()]
    with pytest.raises(RuntimeError, match="interrupted"), rounded(model, SMALL):
        changed = [not torch.equal(w, b) for w, b in zip(model.parameters(), before, strict=True)]
        raise RuntimeError("interrupted")
    assert changed == [is_quantized(w) for w in model.parameters()]
    assert all(torch.equal(w, b) for w, b in zip(model.parameters(), before, strict=True))
    with rounded(model, None):
        assert all(torch.equal(w, b) for w, b in zip(model.parameters(), before, strict=True))


def test_a_model_comes_back_from_eight_bits_nearly_as_it_was(tmp_path):
    model: T5VAE = toy_space().model
    save_quantized(model, tmp_path, precision=type(SMALL)())
    again = load_quantized(tmp_path)
    for (name, weight), (other, read) in zip(model.named_parameters(), again.named_parameters(), strict=True):
        assert name == other
        assert (weight - read).abs().max() <= weight.abs().max() / 120
    assert not again.training


def test_a_file_that_does_not_fit_its_configuration_is_refused(tmp_path):
    model: T5VAE = toy_space().model
    save_quantized(model, tmp_path, precision=SMALL)
    config = copy.deepcopy(model.config)
    config.embedding_dim = 5
    config.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"the weights do not fit the configuration \(to_embedding"):
        load_quantized(tmp_path)

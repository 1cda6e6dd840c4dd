"""Muon and AdamW behind one step."""

from __future__ import annotations

import copy

import pytest
import torch
from transformers import set_seed

from latentopt.model import T5VAE
from latentopt.training.batch_loss import TrainingLoss
from latentopt.training.losses import LatentNoise, NoRegularizer, Property
from latentopt.training.muon import MuonAdamW, orthogonalised
from latentopt.training.optimizers import Rates, parameter_groups
from tests.toy import toy_config


def new_loss() -> TrainingLoss:
    set_seed(0)
    model = T5VAE(toy_config(300, embedding_dim=5))
    return TrainingLoss(model, regularizer=NoRegularizer(), noise=LatentNoise(), properties=[Property("likes")])


def muon(loss: TrainingLoss, lr: float) -> MuonAdamW:
    return MuonAdamW(parameter_groups(loss, Rates(lr), new_cross_attention=False))


class TestMuonAdamW:
    def test_every_parameter_is_stepped_once_and_embeddings_by_adamw(self) -> None:
        loss = new_loss()
        model, optimizer = loss.model, muon(loss, 0.1)
        ours = [id(p) for group in optimizer.param_groups for p in group["params"]]
        assert sorted(ours) == sorted(id(p) for p in loss.parameters())
        assert id(model.t5.shared.weight) in [id(p) for g in optimizer.adamw.param_groups for p in g["params"]]

    def test_a_loaded_state_steps_on_as_the_saved_one(self) -> None:
        ids = torch.randint(3, 200, (4, 8))

        def steps(loss: TrainingLoss, optimizer: MuonAdamW, n: int) -> None:
            for _ in range(n):
                model = loss.model
                model.token_loss(model.memory(model.encode(ids)), ids).mean().backward()
                optimizer.step()
                optimizer.zero_grad()

        a = new_loss()
        first = muon(a, 0.01)
        steps(a, first, 2)
        b = new_loss()
        b.load_state_dict(a.state_dict())
        second = muon(b, 0.5)
        second.load_state_dict(copy.deepcopy(first.state_dict()))  # a file would be a copy, too
        steps(a, first, 2)
        steps(b, second, 2)
        assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))

    def test_a_scheduler_reaches_both(self) -> None:
        optimizer = muon(new_loss(), 1.0)
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 0.25)
        assert [g["lr"] for o in (optimizer.muon, optimizer.adamw) for g in o.param_groups] == [0.25] * 6


class TestOrthogonalised:
    @pytest.mark.parametrize("shape", [(2, 24, 64), (2, 64, 24), (1, 32, 32)])
    def test_singular_values_are_brought_to_one(self, shape: tuple[int, int, int]) -> None:
        found = torch.linalg.svdvals(
            orthogonalised(1e-3 * torch.randn(shape, generator=torch.Generator().manual_seed(0)))
        )
        assert found.shape == (shape[0], min(shape[1:]))
        assert 0.4 < found.min() < found.max() < 1.3

    def test_each_matrix_is_alone_in_its_stack(self) -> None:
        stack = torch.randn(3, 8, 16, generator=torch.Generator().manual_seed(0))
        assert torch.allclose(
            orthogonalised(stack)[1:2], orthogonalised(stack[1:2]), atol=0.02
        )  # bf16 where it is fast

"""Muon and AdamW behind one step."""

from __future__ import annotations

import copy

import pytest
import torch
from transformers import set_seed

from latentopt.model import T5VAE
from latentopt.training.muon import MuonAdamW, orthogonalised
from tests.toy import toy_config, toy_space


def new_model(**options: object) -> T5VAE:
    set_seed(0)
    return T5VAE(toy_config(len(toy_space().tokenizer), **options))


class TestMuonAdamW:
    def test_every_parameter_is_stepped_once_and_embeddings_by_adamw(self) -> None:
        model = new_model()
        optimizer = MuonAdamW(model, lr=0.1)
        ours = [id(p) for group in optimizer.param_groups for p in group["params"]]
        assert sorted(ours) == sorted(id(p) for p in model.parameters())
        assert id(model.t5.shared.weight) in [id(p) for g in optimizer.adamw.param_groups for p in g["params"]]

    def test_a_loaded_state_steps_on_as_the_saved_one(self) -> None:
        ids = torch.randint(3, 200, (4, 8))

        def steps(model: T5VAE, optimizer: MuonAdamW, n: int) -> None:
            for _ in range(n):
                torch.manual_seed(0)
                model(input_ids=ids, labels=ids).loss.backward()
                optimizer.step()
                optimizer.zero_grad()

        a = new_model()
        first = MuonAdamW(a, lr=0.01)
        steps(a, first, 2)
        b = new_model()
        b.load_state_dict(a.state_dict())
        second = MuonAdamW(b, lr=0.5)
        second.load_state_dict(copy.deepcopy(first.state_dict()))  # a file would be a copy, too
        steps(a, first, 2)
        steps(b, second, 2)
        assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))

    def test_a_scheduler_reaches_both(self) -> None:
        optimizer = MuonAdamW(new_model(), lr=1.0)
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 0.25)
        assert [g["lr"] for o in (optimizer.muon, optimizer.adamw) for g in o.param_groups] == [0.25, 0.25]


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

"""Token states <-> latent."""

from __future__ import annotations

import pytest
import torch

from latentopt.model.bottleneck import Bottleneck


def bottleneck(**options: int) -> Bottleneck:
    torch.manual_seed(0)
    made = Bottleneck(48, options.get("latent_dim", 64), positions=16, slot_dim=8, stochastic=False)
    made.reset_parameters()
    return made


@pytest.mark.parametrize("length", [1, 4, 16])
def test_the_decoder_sees_every_latent_dimension_whatever_the_length(length: int) -> None:
    # The memory is what the decoder attends to, at every length of text: its rank in z must be full.
    made = bottleneck()
    z, _ = made.encode(torch.randn(1, length, 48), torch.ones(1, length))
    jacobian = torch.autograd.functional.jacobian(lambda v: made.decode(v[None]).flatten(), z[0])
    assert torch.linalg.matrix_rank(jacobian) == 64


def test_padding_does_not_reach_the_latent() -> None:
    made = bottleneck()
    states = torch.randn(1, 5, 48)
    padded = torch.cat([states, torch.full((1, 7, 48), 1e6)], 1)
    mask = torch.tensor([[1] * 5 + [0] * 7])
    assert torch.allclose(made.encode(states, torch.ones(1, 5))[0], made.encode(padded, mask)[0])


def test_latents_start_near_unit_variance() -> None:
    made = Bottleneck(64, 256, positions=64, slot_dim=32, stochastic=False)
    made.reset_parameters()
    z, _ = made.encode(torch.randn(100, 24, 64), torch.ones(100, 24))
    assert 0.7 < z.std() < 1.4


@pytest.mark.parametrize("length", [1, 16])
def test_latents_are_as_long_as_draws_of_the_prior_whatever_the_length_of_the_text(length: int) -> None:
    z, _ = bottleneck().encode(torch.randn(5, length, 48), torch.ones(5, length))
    assert torch.allclose(z.norm(dim=1), torch.tensor(64.0).sqrt())


def test_a_memory_too_small_for_the_latent_is_refused() -> None:
    with pytest.raises(ValueError, match=r"latent_dim=200 must be at most positions \* slot_dim = 16 \* 8"):
        bottleneck(latent_dim=200)


def test_more_tokens_than_positions_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 16 tokens, got 17"):
        bottleneck().encode(torch.randn(1, 17, 48), torch.ones(1, 17))

"""Token states <-> latent, in its two parts."""

from __future__ import annotations

import pytest
import torch

from latentopt.model.bottleneck import Pooled, Positional

Part = Pooled | Positional


def positional(latent_dim: int = 64, **options: int) -> Positional:
    torch.manual_seed(0)
    made = Positional(64, latent_dim, **{"positions": 16, "slot_dim": 8, **options}, stochastic=False)
    made.reset_parameters()
    return made


def pooled(latent_dim: int = 64) -> Pooled:
    torch.manual_seed(0)
    made = Pooled(64, latent_dim, slots=4, stochastic=False)
    made.reset_parameters()
    torch.nn.init.normal_(made.score.weight)  # as after training: at first all tokens count alike
    return made


PARTS = pytest.mark.parametrize("part", [pooled(), positional()], ids=["pooled", "positional"])


def slots(part: Part, z: torch.Tensor) -> torch.Tensor:
    out = part.decode(z)
    return out if isinstance(out, torch.Tensor) else out[0]


class TestBothParts:
    @PARTS
    @pytest.mark.parametrize("length", [1, 4, 16])
    def test_the_decoder_sees_every_latent_dimension_whatever_the_length(self, part: Part, length: int) -> None:
        # The memory is what the decoder attends to, at every length of text: its rank in z must be full.
        z, _ = part.encode(torch.randn(1, length, 64), torch.ones(1, length))
        jacobian = torch.autograd.functional.jacobian(lambda v: slots(part, v[None]).flatten(), z[0].detach())
        assert torch.linalg.matrix_rank(jacobian) == 64

    @PARTS
    def test_padding_does_not_reach_the_latent(self, part: Part) -> None:
        states = torch.randn(1, 5, 64)
        padded = torch.cat([states, torch.full((1, 7, 64), 1e3)], 1)
        mask = torch.tensor([[1] * 5 + [0] * 7])
        assert torch.allclose(part.encode(states, torch.ones(1, 5))[0], part.encode(padded, mask)[0], atol=1e-5)

    @PARTS
    @pytest.mark.parametrize("length", [1, 16])
    def test_latents_are_as_long_as_draws_of_the_prior_whatever_the_length(self, part: Part, length: int) -> None:
        z, log_variance = part.encode(torch.randn(5, length, 64), torch.ones(5, length))
        assert log_variance is None
        assert torch.allclose(z.norm(dim=1), torch.tensor(64.0).sqrt())

    @pytest.mark.parametrize("kind", [Pooled, Positional])
    def test_a_stochastic_part_starts_nearly_sure(self, kind: type[Part]) -> None:
        options = {"slots": 4} if kind is Pooled else {"positions": 16, "slot_dim": 8}
        part = kind(64, 64, **options, stochastic=True)
        part.reset_parameters()
        _, log_variance = part.encode(torch.randn(5, 9, 64), torch.ones(5, 9))
        assert log_variance is not None
        assert log_variance.shape == (5, 64)
        assert (log_variance + 3).abs().max() < 0.5


class TestPooled:
    def test_the_order_of_the_states_does_not_matter(self) -> None:
        states = torch.randn(1, 9, 64)
        z, shuffled = (pooled().encode(s, torch.ones(1, 9))[0] for s in (states, states[:, torch.randperm(9)]))
        assert torch.allclose(z, shuffled, atol=1e-5)

    def test_a_width_that_its_heads_do_not_divide_is_refused(self) -> None:
        with pytest.raises(ValueError, match="a multiple of 32, got 48"):
            Pooled(48, 8, slots=2, stochastic=False)


class TestPositional:
    def test_the_order_of_the_states_matters(self) -> None:
        states = torch.randn(1, 9, 64)
        z, shuffled = (positional().encode(s, torch.ones(1, 9))[0] for s in (states, states.flip(1)))
        assert (z - shuffled).norm() > 1

    def test_a_memory_too_small_for_the_latent_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"latent_dim=200 must be at most positions \* slot_dim = 16 \* 8"):
            positional(latent_dim=200)

    def test_more_tokens_than_positions_are_refused(self) -> None:
        with pytest.raises(ValueError, match="at most 16 tokens, got 17"):
            positional().encode(torch.randn(1, 17, 64), torch.ones(1, 17))

"""The loss of a batch, and what it is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from latentopt.model import T5VAE
from latentopt.model.tokenizer import train_tokenizer
from latentopt.training.batch_loss import TrainingLoss
from latentopt.training.batches import Collator, Texts
from latentopt.training.losses import KL, MMD, LatentNoise, NoRegularizer, Property, Weights
from latentopt.training.recipe import Uses
from tests.toy import toy_config, toy_texts

TOKENIZER = train_tokenizer(toy_texts(300), vocab_size=400)
N = 16


def batch(uses: Uses = Uses(0.5, 0.3, 0.3), *, runs: int = 1, **known: Any) -> dict[str, Any]:  # noqa: B008
    data = Texts(TOKENIZER, toy_texts(N), positions=32, **known)
    rows = sorted(data.__getitems__(range(N)), key=lambda row: len(row.words.ids))
    return Collator(TOKENIZER, 32, uses=uses, seed=0, runs=runs)(rows)


def loss_of(config: dict[str, Any] | None = None, **options: Any) -> TrainingLoss:
    torch.manual_seed(0)
    model = T5VAE(toy_config(len(TOKENIZER), **(config or {})))
    return TrainingLoss(model, **{"regularizer": NoRegularizer(), "noise": LatentNoise(), **options})


class TestTrainingLoss:
    @pytest.mark.parametrize("regularizer", [MMD(), KL(), NoRegularizer()])
    def test_it_is_the_weighted_sum_of_its_parts(self, regularizer: Any) -> None:
        known = {
            "values": np.zeros((N, 1), dtype=np.float32),
            "embeddings": np.ones((N, 5), dtype=np.float32),
        }
        made = loss_of(
            {"embedding_dim": 5, "stochastic": isinstance(regularizer, KL)},
            regularizer=regularizer,
            properties=[Property("likes")],
            weights=Weights(fills=2.0, wholes=3.0, teacher=5.0, properties=7.0),
        )
        made.regularizer_scale = 11.0
        out = made(**batch(**known))
        expected = 2 * out.fills + 3 * out.wholes + 11 * out.regularization + 5 * out.teacher + 7 * out.properties
        assert out.loss.item() == pytest.approx(expected.item(), rel=1e-5)

    def test_runs_of_a_batch_give_the_loss_of_the_whole(self) -> None:
        made = loss_of(regularizer=MMD())
        whole, parts = Uses(0.0, 0.0, 0.0), Uses(1.0, 0.0, 0.0)
        for uses, name in ((whole, "wholes"), (parts, "fills")):
            torch.manual_seed(1)
            once = made(**batch(uses))
            torch.manual_seed(1)
            runs = made(**batch(uses, runs=4))
            assert torch.allclose(once[name], runs[name], atol=1e-5)
            assert torch.allclose(once.regularization, runs.regularization, atol=1e-5)

    def test_a_new_model_starts_near_the_uniform_loss(self) -> None:
        # T5's own initial embedding scale starts far above it and spends a thousand steps on coming down.
        out = loss_of()(**batch())
        for part in (out.wholes, out.fills):
            assert part < 1.25 * torch.log(torch.tensor(float(len(TOKENIZER))))

    def test_what_is_kept_weighs_a_tenth(self) -> None:
        made, given = loss_of(), batch(Uses(1.0, 0.0, 0.0))
        before = made(**given).fills
        (run,) = given["runs"]
        run["weights"] = (run["weights"] == 1).float()
        assert made(**given).fills != before
        tokens = made.model.token_loss(
            made.model.memory(
                made.model.encode(run["input_ids"])[:, :8],
                made.model.states(run["source_ids"], run["source_mask"]),
                run["source_mask"],
            ),
            run["target"],
        )
        assert torch.allclose(made(**given).fills, tokens[run["weights"] == 1].mean(), atol=1e-4)

    def test_a_row_with_the_null_latent_teaches_the_encoder_nothing(self) -> None:
        made = loss_of()
        made(**batch(Uses(0.0, 0.0, 1.0))).loss.backward()
        assert made.model.pooled.to_latent.weight.grad.abs().max() == 0
        assert made.model.null.grad.abs().max() > 0
        assert made.model.t5.decoder.block[0].layer[0].SelfAttention.q.weight.grad.abs().max() > 0

    def test_fills_are_not_given_the_copying_part(self) -> None:
        made = loss_of()
        made(**batch(Uses(1.0, 0.0, 0.0))).loss.backward()
        assert made.model.positional.to_latent.weight.grad.abs().max() == 0
        assert made.model.pooled.to_latent.weight.grad.abs().max() > 0

    def test_what_is_only_read_teaches_the_latent_and_not_the_decoder(self) -> None:
        made = loss_of(properties=[Property("likes")])
        given = batch(Uses(0.25, 0.0, 0.0, read=0.5), values=np.ones((N, 1), dtype=np.float32))
        (run,) = given["runs"]
        assert [len(run[key]) for key in ("labels", "target", "input_ids")] == [N // 4, N // 4, N]
        made(**batch(Uses(0.0, 0.0, 0.0, read=1.0), values=np.ones((N, 1), dtype=np.float32))).loss.backward()
        assert made.model.pooled.to_latent.weight.grad.abs().max() > 0
        assert made.model.t5.decoder.block[0].layer[0].SelfAttention.q.weight.grad is None

    def test_every_parameter_is_trained(self) -> None:
        known = {"values": np.ones((N, 1), dtype=np.float32), "embeddings": np.ones((N, 5), dtype=np.float32)}
        made = loss_of({"embedding_dim": 5}, properties=[Property("likes")])
        made(**batch(**known)).loss.backward()
        assert [name for name, p in made.named_parameters() if p.grad is None] == []

    def test_the_teacher_is_followed_by_the_cosine(self) -> None:
        made = loss_of({"embedding_dim": 5})
        with torch.no_grad():
            same = made.model.embed(torch.cat([made.model.encode(r["input_ids"]) for r in batch()["runs"]])[:, :8])
        # The rows are sorted by length in a batch; embeddings go with their texts.
        order = sorted(range(N), key=lambda i: len(TOKENIZER(toy_texts(N)[i]).input_ids))
        wanted = torch.empty_like(same)
        wanted[order] = same
        assert made(**batch(embeddings=wanted.numpy())).teacher.item() == pytest.approx(0.0, abs=1e-5)
        assert made(**batch(embeddings=-wanted.numpy())).teacher.item() == pytest.approx(2.0, abs=1e-5)


class TestProperty:
    def test_unknown_values_cost_nothing(self) -> None:
        predicted, value = torch.tensor([0.5, 3.0]), torch.tensor([1.5, torch.nan])
        assert Property("likes").loss(predicted, value).item() == pytest.approx(0.5)
        assert Property("likes").loss(predicted, torch.full((2,), torch.nan)).item() == 0

    def test_a_binary_one_costs_nats(self) -> None:
        cost = Property("sunny", binary=True).loss(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0]))
        assert cost.item() == pytest.approx(2 * np.log(2))

    def test_its_weight_is_among_the_properties(self) -> None:
        values = np.ones((N, 1), dtype=np.float32)
        once, thrice = (loss_of(properties=[Property("likes", weight=w)])(**batch(values=values)) for w in (1.0, 3.0))
        assert thrice.properties.item() == pytest.approx(3 * once.properties.item(), rel=1e-4)

    def test_gaps_give_no_gradient_that_is_no_number(self) -> None:
        values = np.full((N, 1), np.nan, dtype=np.float32)
        made = loss_of(properties=[Property("likes")])
        made(**batch(values=values)).loss.backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in made.parameters())


class TestLatentNoise:
    def test_it_leaves_latents_as_wide_as_they_were(self) -> None:
        torch.manual_seed(0)
        assert LatentNoise(1.0)(torch.randn(4000, 24), None).var() == pytest.approx(1, abs=0.05)

    def test_it_can_be_the_same_for_all(self) -> None:
        torch.manual_seed(0)
        noisy = LatentNoise(0.6, 0.6)(torch.full((4000, 24), 2.0), None)
        assert noisy.mean() == pytest.approx(0.8 * 2, abs=0.02)
        assert noisy.std() == pytest.approx(0.6, abs=0.02)

    def test_without_it_latents_stay_as_they_are(self) -> None:
        z = torch.randn(4, 24)
        assert LatentNoise()(z, None) is z

    @pytest.mark.parametrize(("most", "least"), [(0.3, 0.5), (1.5, 0.0)])
    def test_shares_out_of_range_are_refused(self, most: float, least: float) -> None:
        with pytest.raises(ValueError, match=f"got {least} and {most}"):
            LatentNoise(most, least)


class TestRegularizers:
    def test_kl_needs_log_variances(self) -> None:
        with pytest.raises(ValueError, match="stochastic=True"):
            KL()(torch.randn(4, 3), None)

    def test_mmd_of_a_collapsed_batch_costs_more_than_that_of_the_prior(self) -> None:
        torch.manual_seed(0)
        assert MMD()(0.1 * torch.randn(256, 8), None) > 10 * MMD()(torch.randn(256, 8), None).abs()

    def test_one_latent_alone_costs_nothing(self) -> None:
        assert MMD()(torch.randn(1, 8), None) == 0

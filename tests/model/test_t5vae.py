"""T5VAE: Hugging Face's T5 around one latent."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModel, T5Config, T5ForConditionalGeneration

from latentopt.model import T5VAE, T5VAEConfig
from tests.toy import toy_config, toy_space


def model(**options: object) -> T5VAE:
    torch.manual_seed(0)
    return T5VAE(toy_config(300, **options)).eval()


def batch() -> dict[str, torch.Tensor]:
    ids = torch.randint(3, 300, (6, 12), generator=torch.Generator().manual_seed(0))
    ids[:, -1] = 1
    ids[3:, 8:] = 0
    return {"input_ids": ids, "labels": ids}


class TestHuggingFace:
    def test_auto_classes_load_what_save_pretrained_wrote(self, tmp_path: Path) -> None:
        saved = model()
        saved.save_pretrained(tmp_path)
        assert sorted(
            p.suffix for p in tmp_path.iterdir() if p.name != "config.json" and "generation" not in p.name
        ) == [".safetensors"]
        assert isinstance(AutoConfig.from_pretrained(tmp_path), T5VAEConfig)
        loaded = AutoModel.from_pretrained(tmp_path)
        assert isinstance(loaded, T5VAE)
        assert torch.equal(loaded(**batch()).logits, saved(**batch()).logits)

    @pytest.mark.parametrize("scaled", [True, False])
    def test_t5s_output_scaling_survives_saving(self, scaled: bool, tmp_path: Path) -> None:
        t5 = T5Config(
            vocab_size=300, d_model=32, d_kv=16, d_ff=64, num_layers=1, num_heads=2, tie_word_embeddings=scaled
        )
        made = T5VAE(T5VAEConfig(t5, latent_dim=8, positions=16, slot_dim=8))
        assert made.t5.config.scale_decoder_outputs is scaled
        made.save_pretrained(tmp_path)
        assert T5VAE.from_pretrained(tmp_path).t5.config.scale_decoder_outputs is scaled

    def test_loading_does_not_reinitialise(self, tmp_path: Path) -> None:
        saved = model(regularizer="kl")
        for parameter in saved.parameters():
            torch.nn.init.normal_(parameter)
        saved.save_pretrained(tmp_path)
        for (name, a), b in zip(saved.named_parameters(), T5VAE.from_pretrained(tmp_path).parameters(), strict=True):
            assert torch.equal(a, b), name

    def test_the_base_t5s_weights_are_really_loaded(self, tmp_path: Path) -> None:
        torch.manual_seed(1)
        t5 = T5ForConditionalGeneration(
            T5Config(vocab_size=300, d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2, decoder_start_token_id=0)
        )
        t5.save_pretrained(tmp_path)
        made = T5VAE.from_t5(tmp_path, latent_dim=8, positions=16, slot_dim=8)
        assert {k: v.sum().item() for k, v in t5.state_dict().items()} == {
            k: v.sum().item() for k, v in made.t5.state_dict().items()
        }
        # And they act as in the T5: given its encoder states as memory, the decoder gives its logits.
        ids = batch()["input_ids"]
        with torch.no_grad():
            expected = t5.eval()(input_ids=ids, labels=ids)
            states = t5.encoder(input_ids=ids, attention_mask=torch.ones_like(ids))
            ours = made.eval()(labels=ids, encoder_outputs=states).logits
        assert torch.allclose(ours, expected.logits, atol=1e-5)

    def test_an_output_layer_of_its_own_is_kept_and_saved(self, tmp_path: Path) -> None:
        # As in T5-v1.1 and Flan-T5.
        t5 = T5ForConditionalGeneration(
            T5Config(
                vocab_size=300,
                d_model=32,
                d_kv=16,
                d_ff=64,
                num_layers=1,
                num_heads=2,
                decoder_start_token_id=0,
                feed_forward_proj="gated-gelu",
                tie_word_embeddings=False,
            )
        )
        t5.lm_head.weight = torch.nn.Parameter(0.3 * torch.randn(300, 32))
        t5.save_pretrained(tmp_path / "t5")
        assert not torch.equal(t5.lm_head.weight, t5.shared.weight)
        made = T5VAE.from_t5(tmp_path / "t5", latent_dim=8, positions=16, slot_dim=8)
        made.save_pretrained(tmp_path / "vae")
        for model_ in (made, T5VAE.from_pretrained(tmp_path / "vae")):
            assert torch.equal(model_.t5.lm_head.weight, t5.lm_head.weight)
            assert torch.equal(model_.t5.shared.weight, t5.shared.weight)


class TestDecoding:
    def test_the_cache_changes_no_logit(self) -> None:
        made, z = model(), torch.randn(3, 16, generator=torch.Generator().manual_seed(0))
        memory = made.memory(z)
        out = made.generate(
            encoder_outputs=memory, max_new_tokens=10, do_sample=False, output_logits=True, return_dict_in_generate=True
        )
        with torch.no_grad():
            whole = made(decoder_input_ids=out.sequences[:, :-1], encoder_outputs=memory).logits
        assert torch.allclose(torch.stack(out.logits, 1), whole, atol=1e-4)

    def test_generate_feeds_each_token_once(self) -> None:
        # transformers renames what it keeps the earlier steps in; unnoticed, each step would repeat them all.
        made, fed = model(), []
        hook = made.t5.shared.register_forward_hook(lambda layer, inputs, output: fed.append(inputs[0].shape[1]))
        z = torch.randn(2, 16, generator=torch.Generator().manual_seed(0))
        made.generate(encoder_outputs=made.memory(z), max_new_tokens=6, min_new_tokens=6, do_sample=False)
        hook.remove()
        assert fed == [1] * 6

    def test_beam_search_finds_nothing_less_likely_than_greedy(self) -> None:
        made = model()
        z = torch.randn(4, 16, generator=torch.Generator().manual_seed(1))

        def likelihood(beams: int) -> torch.Tensor:
            ids = made.generate(
                encoder_outputs=made.memory(z), max_new_tokens=5, min_new_tokens=5, num_beams=beams, do_sample=False
            )
            with torch.no_grad():
                log_p = made(decoder_input_ids=ids[:, :-1], encoder_outputs=made.memory(z)).logits.log_softmax(-1)
            return log_p.gather(2, ids[:, 1:, None]).sum((1, 2))

        assert likelihood(8).sum() >= likelihood(1).sum() - 1e-4

    def test_every_latent_dimension_changes_the_logits(self) -> None:
        made, labels = model(), batch()["labels"][:1, :4]
        z = torch.zeros(1, 16)
        jacobian = torch.autograd.functional.jacobian(
            lambda v: made(labels=labels, encoder_outputs=made.memory(v)).logits.flatten(), z
        )
        assert torch.linalg.matrix_rank(jacobian[:, 0]) == 16


class TestLoss:
    def test_padding_costs_nothing(self) -> None:
        made, inputs = model(regularizer="none"), batch()
        wider = {k: torch.nn.functional.pad(v, (0, 4)) for k, v in inputs.items()}
        assert torch.allclose(made(**inputs).loss, made(**wider).loss, atol=1e-5)

    @pytest.mark.parametrize("regularizer", ["mmd", "kl", "none"])
    def test_it_is_the_reconstruction_plus_the_weighted_regularization(self, regularizer: str) -> None:
        made = model(regularizer=regularizer, regularizer_weight=3.0)
        made.regularizer_scale.fill_(0.5)
        out = made(**batch())
        assert torch.allclose(out.loss, out.reconstruction + 1.5 * out.regularization)
        assert (out.regularization == 0) == (regularizer == "none")

    def test_a_new_model_starts_near_the_uniform_loss(self) -> None:
        # T5's own initial embedding scale starts far above it and spends a thousand steps on coming down.
        loss = model(regularizer="none")(**batch()).reconstruction
        assert loss < 1.25 * torch.log(torch.tensor(300.0))

    def test_noise_is_for_training_only(self) -> None:
        made = model(latent_noise=1.0)
        assert torch.equal(made(**batch()).logits, made(**batch()).logits)
        made.train()
        assert not torch.equal(made(**batch()).logits, made(**batch()).logits)

    def test_noise_leaves_latents_as_wide_as_they_were(self) -> None:
        made = model(latent_noise=1.0).train()
        z = torch.randn(4000, made.config.latent_dim)
        assert made._disturb(z, None).var() == pytest.approx(1, abs=0.05)

    def test_noise_can_be_the_same_for_all(self) -> None:
        made = model(latent_noise=0.6, least_noise=0.6).train()
        z = torch.full((4000, made.config.latent_dim), 2.0)
        assert made._disturb(z, None).mean() == pytest.approx(0.8 * 2, abs=0.02)
        assert made._disturb(z, None).std() == pytest.approx(0.6, abs=0.02)

    def test_least_noise_above_the_most_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"least_noise is from 0 to latent_noise=0\.3, got 0\.5"):
            T5VAEConfig(latent_noise=0.3, least_noise=0.5)

    def test_noise_beyond_the_whole_latent_is_refused(self) -> None:
        with pytest.raises(ValueError, match="latent_noise is a share from 0 to 1"):
            T5VAEConfig(latent_noise=1.5)

    @pytest.mark.parametrize("regularizer", ["mmd", "kl"])
    def test_runs_of_a_batch_give_the_loss_of_the_whole(self, regularizer: str) -> None:
        made, inputs = model(regularizer=regularizer, moments_weight=0.1), batch()
        torch.manual_seed(1)
        whole = made(**inputs)
        labels = inputs["labels"]
        order = (labels != 0).sum(1).argsort()
        runs = {k: v[order] for k, v in inputs.items()} | {"labels": labels[order]}
        widths = [int((part != 0).sum(1).max()) for part in runs["labels"].chunk(2)]
        torch.manual_seed(1)
        parts = made(**runs, widths=widths)
        assert torch.allclose(parts.reconstruction, whole.reconstruction, atol=1e-5)
        assert torch.allclose(parts.regularization, whole.regularization, rtol=0.01)
        assert torch.allclose(parts.latents, whole.latents[order], atol=1e-5)

    def test_an_unknown_regularizer_is_refused(self) -> None:
        with pytest.raises(ValueError, match="must be one of mmd, kl, none, got 'l2'"):
            T5VAEConfig(regularizer="l2")


@pytest.mark.parametrize("n", [40, 200])  # many are decoded in bf16 where that is quick, as every machine is here
def test_greedy_texts_are_those_of_generate(n, monkeypatch):
    monkeypatch.setattr("latentopt.model.writing.bf16_is_fast", lambda device: True)
    space = toy_space()
    z = torch.randn(n, space.latent_dim, generator=torch.Generator().manual_seed(0))
    theirs = space.model.generate(encoder_outputs=space.model.memory(z), max_new_tokens=32, do_sample=False)[:, 1:]
    ours = space.model.generate_greedily(z)
    assert len({int((row != 0).sum()) for row in ours}) > 3  # texts end at different steps
    assert torch.equal(ours[:, : theirs.shape[1]], theirs)
    assert (ours[:, theirs.shape[1] :] == 0).all()


def test_texts_without_a_doubtful_token_are_decoded_once(monkeypatch):
    monkeypatch.setattr("latentopt.model.writing.bf16_is_fast", lambda device: True)
    monkeypatch.setattr("latentopt.model.t5vae.DOUBT", -1e9)
    space = toy_space()
    z = torch.randn(64, space.latent_dim, generator=torch.Generator().manual_seed(0))
    assert space.model.generate_greedily(z).shape == (64, 32)

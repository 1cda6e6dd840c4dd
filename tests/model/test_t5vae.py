"""T5VAE: Hugging Face's T5 around one latent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModel, T5Config, T5ForConditionalGeneration

from latentopt.model import T5VAE, Memory, T5VAEConfig, small_t5
from tests.toy import toy_config

IDS = torch.randint(11, 300, (6, 12), generator=torch.Generator().manual_seed(0))
IDS[:, -1] = 1
IDS[3:, 8:] = 0


def model(**options: object) -> T5VAE:
    torch.manual_seed(0)
    return T5VAE(toy_config(300, **options)).eval()


def latents(n: int) -> torch.Tensor:
    return torch.randn(n, 24, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def logits(made: T5VAE) -> torch.Tensor:
    return made(made.shifted(IDS), made.memory(made.encode(IDS))).logits


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
        assert torch.equal(logits(loaded), logits(saved))

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
        saved = model(stochastic=True, embedding_dim=5)
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
        ids = IDS
        with torch.no_grad():
            expected = t5.eval()(input_ids=ids, labels=ids)
            states = t5.encoder(input_ids=ids).last_hidden_state
            ours = made.eval()(made.shifted(ids), Memory(states, torch.ones_like(ids))).logits
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
        made, z = model(), torch.randn(3, 24, generator=torch.Generator().manual_seed(0))
        memory = made.memory(z)
        out = made.generate(
            encoder_outputs=memory, max_new_tokens=10, do_sample=False, output_logits=True, return_dict_in_generate=True
        )
        with torch.no_grad():
            whole = made(out.sequences[:, :-1], memory).logits
        assert torch.allclose(torch.stack(out.logits, 1), whole, atol=1e-4)

    def test_what_forward_does_not_know_is_refused(self) -> None:
        made, ids = model(), torch.zeros(1, 2, dtype=torch.long)
        with pytest.raises(TypeError, match="unexpected keyword argument 'labels'"):
            made(ids, made.memory(torch.zeros(1, 24)), labels=ids)

    def test_generate_feeds_each_token_once(self) -> None:
        # transformers renames what it keeps the earlier steps in; unnoticed, each step would repeat them all.
        made, fed = model(), []
        hook = made.t5.shared.register_forward_hook(lambda layer, inputs, output: fed.append(inputs[0].shape[1]))
        z = torch.randn(2, 24, generator=torch.Generator().manual_seed(0))
        made.generate(encoder_outputs=made.memory(z), max_new_tokens=6, min_new_tokens=6, do_sample=False)
        hook.remove()
        assert fed == [1] * 6

    def test_beam_search_finds_nothing_less_likely_than_greedy(self) -> None:
        made = model()
        z = torch.randn(4, 24, generator=torch.Generator().manual_seed(1))

        def likelihood(beams: int) -> torch.Tensor:
            ids = made.generate(
                encoder_outputs=made.memory(z), max_new_tokens=5, min_new_tokens=5, num_beams=beams, do_sample=False
            )
            with torch.no_grad():
                log_p = made(ids[:, :-1], made.memory(z)).logits.log_softmax(-1)
            return log_p.gather(2, ids[:, 1:, None]).sum((1, 2))

        assert likelihood(8).sum() >= likelihood(1).sum() - 1e-4

    def test_every_latent_dimension_changes_the_logits(self) -> None:
        made, ids = model(), IDS[:1, :4]
        jacobian = torch.autograd.functional.jacobian(
            lambda v: made(made.shifted(ids), made.memory(v)).logits.flatten(), torch.zeros(1, 24)
        )
        assert torch.linalg.matrix_rank(jacobian[:, 0]) == 24

    @torch.no_grad()
    def test_left_padding_changes_no_logit(self) -> None:
        made, memory = model(), model().memory(latents(6))
        ids = made.shifted(IDS)
        padded = torch.nn.functional.pad(ids, (5, 0))
        mask = torch.nn.functional.pad(torch.ones_like(ids), (5, 0))
        memory.steps = None  # what is added step by step would move along
        plain, _ = made.decode(ids, memory)
        left, _ = made.decode(padded, memory, mask=mask)
        assert torch.allclose(left[:, 5:], plain, atol=1e-4)


class TestMemory:
    """What the decoder is given: the latent or the null latent, and perhaps a masked source."""

    @torch.no_grad()
    def test_rows_under_the_null_latent_know_nothing_of_theirs(self) -> None:
        made, z = model(), latents(6)
        torch.nn.init.normal_(made.null)
        null = torch.tensor([True, False] * 3)
        first = made(IDS, made.memory(z, null=null)).logits
        second = made(IDS, made.memory(torch.where(null[:, None], 5 * z.flip(1), z), null=null)).logits
        assert torch.equal(first[null], second[null])
        assert torch.allclose(first[~null], made(IDS, made.memory(z)).logits[~null], atol=1e-5)

    @torch.no_grad()
    def test_the_null_latent_alone_is_the_network_as_a_language_model(self) -> None:
        # Either way of asking: the null latent in place of the pooled part, or rows that are null.
        made, z = model(), latents(6)
        torch.nn.init.normal_(made.null)
        alone = made(IDS, made.memory(made.null[None].expand(6, -1))).logits
        rows = made(IDS, made.memory(z, null=torch.ones(6, dtype=torch.bool))).logits
        assert torch.allclose(alone, rows, atol=1e-4)

    @torch.no_grad()
    def test_padding_of_a_source_is_not_seen(self) -> None:
        made, z = model(), latents(6)[:, :8]
        mask = (IDS != 0).long()
        states = made.states(IDS, mask)
        garbage = torch.where(mask[..., None] == 1, states, torch.full_like(states, 1e3))
        a, b = (made(IDS, made.memory(z, s, mask)).logits for s in (states, garbage))
        assert torch.allclose(a, b, atol=1e-4)

    def test_fills_are_given_the_pooled_part_the_source_and_no_steps(self) -> None:
        made = model()
        memory = made.memory(latents(6)[:, :8], made.states(IDS, torch.ones_like(IDS)), torch.ones_like(IDS))
        assert memory.last_hidden_state.shape == (6, 2 + 12, 32)  # two pooled slots, twelve states
        assert memory.mask.shape == (6, 14)
        assert memory.steps is None

    def test_a_model_may_have_one_part_alone(self) -> None:
        for pooled_dim in (0, 24):
            made = model(pooled_dim=pooled_dim)
            assert made.pooled_dim == 24
            memory = made.memory(made.encode(IDS))
            assert memory.last_hidden_state.shape[1] == (2 if pooled_dim else 32)
            assert (memory.steps is None) == bool(pooled_dim)

    def test_rows_are_taken_whole(self) -> None:
        memory = model().memory(latents(6))
        taken = memory.take(torch.tensor([4, 1]))
        assert torch.equal(taken.last_hidden_state, memory.last_hidden_state[[4, 1]])
        assert torch.equal(taken.steps, memory.steps[[4, 1]])


class TestCrossAttention:
    def test_layers_that_are_spared_it_have_none(self, tmp_path: Path) -> None:
        t5 = small_t5(300, d_model=32, layers=3, heads=2, d_ff=64, positions=32)
        made = T5VAE(T5VAEConfig(t5, latent_dim=24, pooled_dim=8, positions=32, cross_attention=[1])).eval()
        assert [len(block.layer) for block in made.t5.decoder.block] == [2, 3, 2]
        made.save_pretrained(tmp_path)
        assert torch.equal(logits(T5VAE.from_pretrained(tmp_path)), logits(made))
        ids = made.generate(encoder_outputs=made.memory(latents(2)), max_new_tokens=6, do_sample=False)
        with torch.no_grad():
            whole = made(ids[:, :-1], made.memory(latents(2))).logits.argmax(-1)
        assert torch.equal(whole, ids[:, 1:])


class TestTokenLoss:
    @torch.no_grad()
    def test_it_is_that_of_each_token_and_nothing_for_padding(self) -> None:
        made, memory = model(), model().memory(latents(6))
        loss = made.token_loss(memory, IDS)
        log_p = made(made.shifted(IDS), memory).logits.log_softmax(-1)
        expected = -log_p.gather(2, IDS[..., None])[..., 0] * (IDS != 0)
        assert torch.allclose(loss, expected, atol=1e-5)
        wider = made.token_loss(memory, torch.nn.functional.pad(IDS, (0, 4)))
        assert torch.allclose(wider[:, :12], loss, atol=1e-5)


class TestEmbedding:
    def test_it_has_unit_length_and_the_teachers_size(self) -> None:
        found = model(embedding_dim=5).embed(latents(6)[:, :8])
        assert found.shape == (6, 5)
        assert torch.allclose(found.norm(dim=1), torch.ones(6))

    def test_without_a_teacher_the_latents_stand_for_it(self) -> None:
        z = latents(6)[:, :8]
        assert torch.allclose(model().embed(z), torch.nn.functional.normalize(z))


class TestConfig:
    def test_a_pooled_part_beyond_the_latent_is_refused(self) -> None:
        with pytest.raises(ValueError, match="pooled_dim is a part of latent_dim=8, got 9"):
            T5VAEConfig(small_t5(300), latent_dim=8, pooled_dim=9)

    def test_a_misspelled_dimension_is_refused_and_the_known_ones_are_named(self) -> None:
        with pytest.raises(TypeError, match=r"takes t5, latent_dim, .*, tied_output, got latent_size, noise;"):
            T5VAEConfig(small_t5(300), latent_size=8, noise=0.1)

    def test_a_misspelled_dimension_is_refused_with_a_pretrained_t5_too(self) -> None:
        with pytest.raises(TypeError, match="got latent_size"):
            T5VAE.from_t5(T5ForConditionalGeneration(small_t5(300, d_model=32, d_ff=64)), latent_size=8)

    def test_what_transformers_says_to_any_configuration_is_no_unknown_argument(self, tmp_path: Path) -> None:
        made = T5VAE(toy_config(300, architectures=["T5VAE"], output_hidden_states=True, use_cache=False))
        made.save_pretrained(tmp_path)
        file = tmp_path / "config.json"
        written = json.loads(file.read_text())
        file.write_text(json.dumps({**written, "torch_dtype": "float32", "_commit_hash": "0" * 40, "auto_map": {}}))
        loaded = T5VAE.from_pretrained(tmp_path, dtype=torch.float16, attn_implementation="eager")
        assert loaded.dtype is torch.float16
        assert loaded.config.latent_dim == 24
        assert loaded.config.output_hidden_states

    def test_another_family_is_refused(self) -> None:
        with pytest.raises(ValueError, match="one of t5, umt5, got 'bart'"):
            T5VAEConfig({"model_type": "bart"})

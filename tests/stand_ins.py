"""Tiny random models in folders that have the names of large ones: what docs load from a hub."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from latentopt.model.tokenizer import train_tokenizer


def stand_ins(folder: Path) -> None:
    """Make flan-t5-small, SmolLM2-135M and all-MiniLM-L6-v2 in a folder with examples, where docs name them."""
    torch.manual_seed(0)
    texts = pd.read_csv(folder / "posts.csv")["text"].tolist()  # their words are tokens: whole texts stay within limits
    tokenizer = train_tokenizer(texts, vocab_size=600)
    _t5(folder / "google/flan-t5-small", tokenizer)
    _llama(folder / "HuggingFaceTB/SmolLM2-135M", texts)
    _teacher(folder / "models/all-MiniLM-L6-v2", tokenizer)


def _t5(folder: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    T5ForConditionalGeneration(
        T5Config(
            vocab_size=len(tokenizer),
            d_model=32,
            d_kv=16,
            d_ff=64,
            num_layers=1,
            num_heads=2,
            feed_forward_proj="gated-gelu",
            decoder_start_token_id=0,
        )
    ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _llama(folder: Path, texts: list[str]) -> None:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|endoftext|>"],
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    config = LlamaConfig(
        vocab_size=49152,  # as the real one has: the vocabulary is cut to fewer
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=6,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<|endoftext|>", eos_token="<|endoftext|>").save_pretrained(
        folder
    )


def _teacher(folder: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    BertModel(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=64,
            pad_token_id=0,
        )
    ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))

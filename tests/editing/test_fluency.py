"""Fluency is asked of a text without its marks."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from latentopt.editing.fluency import CausalLM, totals, without_marks
from latentopt.errors import LatentoptError
from tests.toy import toy_space, toy_texts


def test_links_mentions_and_hashtags_are_left_out():
    assert without_marks("@user so good #win http https://t.co/x !") == "so good !"
    assert without_marks("#win") == "#win"  # a text of nothing else stays as it is


def test_totals_are_nats_of_all_tokens():
    space = toy_space()
    texts = toy_texts(3)
    nats, tokens = totals(space, [f"@user {text} #tag" for text in texts])
    assert tokens.tolist() == [n + 1 for n in space.lengths(texts)]
    assert torch.allclose(nats / tokens, space.log_likelihood(texts), atol=1e-4)


def test_any_causal_language_model_can_judge(tmp_path):
    tokenizer = toy_space().tokenizer
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2, n_positions=64)
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    judge = CausalLM(str(tmp_path))
    texts = toy_texts(4)
    together, alone = judge.log_likelihood(texts), torch.cat([judge.log_likelihood([text]) for text in texts])
    assert torch.allclose(together, alone, atol=1e-4)
    assert (together < 0).all()
    assert judge.lengths(texts)[0] > 3


def test_what_is_no_language_model_is_refused(tmp_path):
    with pytest.raises(LatentoptError, match="no causal language model of transformers"):
        CausalLM(str(tmp_path))

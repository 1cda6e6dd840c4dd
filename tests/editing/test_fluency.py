"""Fluency is asked of a text without its marks."""

import re

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from latentopt.editing.fluency import CausalLM, strain, without_marks
from latentopt.errors import LatentoptError
from latentopt.space.surprise import Surprise
from tests.toy import toy_space, toy_texts


def test_links_mentions_and_hashtags_are_left_out():
    assert without_marks("@user so good #win http https://t.co/x !") == "so good!"
    assert without_marks("#win") == "#win"  # a text of nothing else stays as it is


def test_a_tokenisers_spaces_are_no_words():
    assert without_marks("it 's late , we should n't go .") == "it's late, we shouldn't go."


def test_the_space_tells_what_each_token_costs():
    space = toy_space()
    texts = toy_texts(3)
    found = space.surprise(texts)
    assert [surprise.ends[-1] for surprise in found] == [len(text) for text in texts]
    means = [-surprise.mean for surprise in found]
    assert means == pytest.approx(space.log_likelihood(texts).tolist(), abs=1e-4)
    (one,) = space.surprise(texts[:1])
    assert one.within(0, len(texts[0])) == pytest.approx(sum(one.nats[:-1]))


def words_costing(text, *costs):
    """A surprise with one token a word."""
    return Surprise([match.end() for match in re.finditer(r"\S+", text)], [*costs, 1.0])


SOURCE = "he will win the game"
BEFORE = words_costing(SOURCE, 3.0, 4.0, 2.0, 1.0, 2.0)


@pytest.mark.parametrize(
    ("text", "costs", "expected"),
    [
        (SOURCE, (3.0, 4.0, 2.0, 1.0, 2.0), 0.0),
        ("he will own the game", (3.0, 4.0, 6.9, 1.0, 2.0), 0.0),  # a rare word, but not an odd one
        ("he will zip the game", (3.0, 4.0, 10.0, 1.0, 2.0), 3.0),
        ("he will the game", (3.0, 4.0, 9.0, 2.0), 5.0),  # the word behind what was lost stumbles
        ("he will win the big game", (3.0, 4.0, 2.0, 1.0, 3.9, 2.0), 0.0),
    ],
)
def test_a_change_stands_out_by_its_worst_word(text, costs, expected):
    assert strain(SOURCE, BEFORE, text, words_costing(text, *costs)) == pytest.approx(expected)


def test_a_word_may_be_as_odd_as_the_one_it_replaces():
    rare = words_costing(SOURCE, 3.0, 4.0, 12.0, 1.0, 2.0)
    text = "he will zip the game"
    assert strain(SOURCE, rare, text, words_costing(text, 3.0, 4.0, 11.0, 1.0, 2.0)) == 0


def test_any_causal_language_model_can_judge(tmp_path):
    space = toy_space()
    tokenizer = space.tokenizer
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2, n_positions=64)
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    judge = CausalLM(str(tmp_path))
    texts = toy_texts(4)
    together, alone = judge.surprise(texts), [judge.surprise([text])[0] for text in texts]
    assert [surprise.nats for surprise in together] == [pytest.approx(surprise.nats, abs=1e-4) for surprise in alone]
    assert [surprise.ends for surprise in together] == [surprise.ends for surprise in space.surprise(texts)]


def test_what_is_no_language_model_is_refused(tmp_path):
    with pytest.raises(LatentoptError, match="no causal language model of transformers"):
        CausalLM(str(tmp_path))

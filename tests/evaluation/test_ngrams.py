import math
import random

import pytest

from latentopt.errors import LatentoptError
from latentopt.evaluation.ngrams import NGramModel
from latentopt.model.tokenizer import token_ids
from tests.toy import toy_space, toy_texts

ABAB = [[2, 3, 2, 3, 1]] * 20  # a b a b, and the end


def ids(texts):
    return token_ids(toy_space().tokenizer, texts)


@pytest.fixture(scope="module")
def sentences():
    """A model of a thousand sentences."""
    return NGramModel.fit(ids(toy_texts(1000, seed=2)), vocab_size=len(toy_space().tokenizer))


def shuffled(text):
    words = text.split()
    random.Random(0).shuffle(words)
    return " ".join(words)


def test_a_probability_is_the_one_worked_out_by_hand():
    model = NGramModel.fit(ABAB, vocab_size=5)  # every second row is counted: 10 of them
    a = (20 + 1) / (50 + 5)  # a is 20 of 50 tokens, with a prior of one for each of 5
    after_start = (10 + 20 * a) / (0 + 20)  # the start itself is no token, and never counted
    both = (10 + 20 * after_start) / (0 + 20)
    known = NGramModel.log_probability(model, [[2]])
    assert known.item() == pytest.approx(math.log(both), abs=1e-5)


def test_what_follows_as_it_does_in_the_texts_is_likelier():
    model = NGramModel.fit(ABAB, vocab_size=5)
    usual, turned = model.log_probability([[2, 3, 2, 3, 1], [3, 2, 3, 2, 1]])
    assert usual > turned + 0.5


def test_sentences_are_more_fluent_than_their_words_in_disorder(sentences):
    texts = toy_texts(100, seed=9)
    orderly, disorderly = (sentences.fluency(ids(of)) for of in (texts, [shuffled(text) for text in texts]))
    assert (orderly > disorderly).float().mean() > 0.95
    assert sentences.perplexity(ids(texts)) < sentences.perplexity(ids([shuffled(text) for text in texts])) / 2


def test_new_texts_of_the_same_kind_are_spread_over_the_scale(sentences):
    assert sentences.fluency(ids(toy_texts(500, seed=10))).mean().item() == pytest.approx(0.5, abs=0.1)


def test_no_texts_have_no_fluency(sentences):
    assert sentences.fluency([]).shape == (0,)


def test_nothing_to_count_is_refused():
    with pytest.raises(LatentoptError, match="an n-gram model is fitted to one text or more, got none"):
        NGramModel.fit([], vocab_size=5)

"""What the readers of a goal make of single words."""

import numpy as np
import pytest
import torch

from latentopt.editing import AtLeast, AtMost, Infill, Maximize, Near, Target, TextEditor
from latentopt.editing.bias import FARTHEST, token_bias, token_scores
from latentopt.model.tokenizer import token_texts
from tests.toy import toy_space, toy_texts
from tests.toy_problems import LinearHead


class Letters:
    """A reader whose score is how often a letter stands in a text."""

    def __init__(self, letter):
        self.letter = letter

    def predict_score(self, texts):
        return np.array([text.count(self.letter) for text in texts], dtype=float)

    predict = predict_score


def test_scores_are_standard_deviations_of_words():
    scores = token_scores(Letters("a"), [" a", " b", "aaa", " banana", " 1a", "", " ", " c", " d"])
    spread = np.std([1, 0, 3, 0, 0], ddof=1)
    assert scores.tolist() == pytest.approx([1 / spread, 0, 0, 3 / spread, 0, 0, 0, 0, 0])


def test_no_word_weighs_more_than_a_reader_can_know():
    scores = token_scores(Letters("a"), [" b"] * 200 + [" " + "a" * 50])
    assert scores.max() == FARTHEST


@pytest.mark.parametrize("tokens", [[" a"] * 4, [" a"], ["b", "c"], []])
def test_where_a_reader_tells_nothing_no_word_is_better(tokens):
    assert token_scores(Letters("a"), tokens).tolist() == [0.0] * len(tokens)


def test_a_bias_goes_where_the_goal_does():
    space = toy_space()
    head = LinearHead(torch.zeros(space.pooled_dim), bias=5.0)  # each text has 5
    z, scores = torch.zeros(1, space.pooled_dim), {"likes": torch.tensor([1.0, -2.0])}
    for goal, sign in [
        (Target(head, 9), 1),
        (Target(head, 1), -1),
        (Maximize(head), 1),
        (AtLeast(head, 9), 1),
        (AtLeast(head, 1), 0),  # fulfilled: no word matters
        (AtMost(head, 1), -1),
        (-1.0 * Maximize(head) + Near(), -1),
        (Target(head, 9) + Maximize(head), 2),
    ]:
        assert token_bias(goal.starting_at(z, space.density), z, scores).tolist() == [sign, -2 * sign]
    assert token_bias(Maximize(head), z, {}) is None
    assert token_bias(Near(), z, scores) is None


def test_fills_have_the_words_that_a_reader_wants():
    space, texts = toy_space(), toy_texts(4, seed=2)
    head = LinearHead(torch.zeros(space.pooled_dim))
    reader = Letters("e")
    tokens = token_texts(space.tokenizer, space.model.config.vocab_size)
    shares = []
    for bias in (0.0, 2.0):
        writer = Seeing(bias)
        TextEditor(space, Maximize(head), writer=writer, readers={"likes": reader}).edit(texts)
        shares.append(sum(text.count("e") for text in writer.texts) / len(writer.texts))
        # The editor asks what readers make of tokens only where the writer wants to know.
        assert all((draft.bias is not None) == bool(bias) for draft in writer.drafts)
    assert shares[1] > shares[0]
    assert torch.equal(writer.drafts[0].bias, token_scores(reader, tokens))


class Seeing(Infill):
    """Infill that keeps what it was given, and what it wrote."""

    def __init__(self, bias):
        super().__init__(bias=bias)
        object.__setattr__(self, "drafts", [])
        object.__setattr__(self, "texts", [])

    def write(self, space, drafts, rows, *, seed):
        written = super().write(space, drafts, rows, seed=seed)
        self.drafts.extend(drafts)
        self.texts.extend(written.texts)
        return written

"""What the readers of a goal make of single words."""

import numpy as np
import pytest
import torch

from latentopt.editing import AtLeast, AtMost, Infill, Maximize, Near, Target, TextEditor
from latentopt.editing.bias import CLIP, token_bias, token_scores
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
    assert scores.max() == CLIP


@pytest.mark.parametrize("tokens", [[" a"] * 4, [" a"], ["b", "c"], []])
def test_where_a_reader_tells_nothing_no_word_is_better(tokens):
    assert token_scores(Letters("a"), tokens).tolist() == [0.0] * len(tokens)


class Share(LinearHead):
    """A head for a share, which each text has at this score."""

    scale = "logit"


def test_a_bias_goes_where_the_goal_does():
    space = toy_space()
    share = Share(torch.zeros(space.pooled_dim), bias=5.0, name="glad")
    other = Share(torch.zeros(space.pooled_dim), bias=5.0, name="rude")
    count = LinearHead(torch.zeros(space.pooled_dim), bias=5.0)
    scores = {name: torch.tensor([1.0, -2.0]) for name in ("glad", "likes")} | {"rude": torch.tensor([0.0, 1.0])}
    z = torch.zeros(1, space.pooled_dim)
    for goal, bias in [
        (Target(share, 9), [1, -2]),
        (Target(share, 1), [-1, 2]),
        (Maximize(share), [1, -2]),
        (AtLeast(share, 9), [1, -2]),
        (AtLeast(share, 1), [0, 0]),  # fulfilled: no word matters
        (AtMost(share, 1), [-1, 2]),
        (-1.0 * Maximize(share) + Near(), [-1, 2]),
        (Target(share, 9) + 100 * Target(count, 9), [1, -2]),  # of likes, words say little
        (3 * Maximize(share) + -1 * Maximize(other), [0.75, -1.75]),
    ]:
        assert token_bias(goal.starting_at(z, space.density), z, scores).tolist() == bias
    assert token_bias(Maximize(share), z, {}) is None
    assert token_bias(Maximize(count) + Near(), z, scores) is None


def test_fills_have_the_words_that_a_reader_wants():
    space, texts = toy_space(), toy_texts(4, seed=2)
    tokens = token_texts(space.tokenizer, space.model.config.vocab_size)
    share = Share(torch.zeros(space.pooled_dim), name="glad")
    shares = []
    for bias in (0.0, 2.0):
        writer = Seeing(bias)
        TextEditor(space, Maximize(share), writer=writer, readers={"glad": Letters("e")}).edit(texts)
        shares.append(sum(text.count("e") for text in writer.texts) / len(writer.texts))
    assert shares[1] > shares[0]
    assert torch.equal(writer.drafts[0].bias, token_scores(Letters("e"), tokens))
    plain = Seeing(2.0)
    TextEditor(space, Maximize(LinearHead(share.weight)), writer=plain, readers={"likes": Letters("e")}).edit(texts[:1])
    assert plain.drafts[0].bias is None


def test_an_editor_asks_readers_anew_when_they_change():
    space, texts = toy_space(), toy_texts(2, seed=2)
    tokens = token_texts(space.tokenizer, space.model.config.vocab_size)
    writer = Seeing(1.0)
    editor = TextEditor(space, Maximize(Share(torch.zeros(space.pooled_dim), name="glad")), writer=writer)
    for letter in "ea":
        editor.set_params(readers={"glad": Letters(letter)}).edit(texts[:1])
        assert torch.equal(writer.drafts[-1].bias, token_scores(Letters(letter), tokens))
    # Neighbours have no say, with a bias either.
    (together, alone) = editor.edit(texts), editor.edit(texts[1:])
    assert [c.text for c in together[1].candidates] == [c.text for c in alone[0].candidates]


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

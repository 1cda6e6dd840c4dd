"""Where a goal hangs on the words."""

import random
from itertools import pairwise

import pytest
import torch

from latentopt.editing.constraints import standard
from latentopt.editing.objectives import Maximize
from latentopt.editing.occlusion import Occlusion, effects, fixed_words, occlude, without
from tests.toy import toy_space
from tests.toy_problems import LinearHead

TEXT = "the old baker sells warm bread on Sundays"


@pytest.fixture(scope="module")
def space():
    return toy_space()


@pytest.fixture(scope="module")
def goal(space):
    return Maximize(LinearHead(torch.randn(space.pooled_dim, generator=torch.Generator().manual_seed(0))))


def occluded(space, goal, text=TEXT):
    words = space.words([text])[0]
    loss = goal(space.pooled(space.encode([text]))).item()
    return words, loss, occlude(space, goal, words, standard(), loss, random.Random(0))


def test_each_word_and_phrase_is_left_out_and_the_goal_asked_again(space, goal):
    words, loss, occlusion = occluded(space, goal)
    assert (0, 1) in occlusion.spans
    assert (0, 3) in occlusion.spans
    for span, text, gain in zip(occlusion.spans, occlusion.texts, occlusion.gains.tolist(), strict=True):
        assert text == without(words, span)
        again = goal(space.pooled(space.encode([text]))).item()
        assert gain == pytest.approx(loss - again, abs=0.05)  # encoded in bf16


def test_what_is_kept_is_never_touched(space, goal):
    words, _, occlusion = occluded(space, goal)
    fixed, gaps = fixed_words(words, standard())
    kept = [piece.strip() for piece, is_fixed in zip(words.pieces, fixed, strict=True) if is_fixed]
    assert kept == ["Sundays"]  # a capital within a sentence
    place = fixed.index(True)
    assert not any(first <= place < last for first, last in occlusion.spans)
    assert gaps == list(range(len(words) + 1))


def test_what_stands_together_is_not_cut(space):
    words = space.words(['the half-time "show, they" say!'])[0]
    _, seams = fixed_words(words, standard())
    starts = ["".join(words.pieces[:i]) for i in seams]
    assert starts == [
        "",
        "the",
        "the half-time",
        'the half-time "show',
        'the half-time "show,',
        'the half-time "show, they',
        'the half-time "show, they"',
        'the half-time "show, they" say',
        'the half-time "show, they" say!',
    ]


def test_spans_are_drawn_where_leaving_out_helps():
    gains = torch.tensor([0.0, 0.0, 3.0, 0.0])
    occlusion = Occlusion([(0, 1), (2, 3), (4, 5), (6, 7)], gains, ["a"] * 4, torch.zeros(4, 2), [])
    rng = random.Random(0)
    drawn = [occlusion.draw(rng, most_spans=1, most_words=1)[0] for _ in range(400)]
    assert drawn.count((4, 5)) > 2 * drawn.count((0, 1))
    assert drawn.count((0, 1)) > 10


def test_what_ends_a_sentence_is_written_anew_more_often(space, goal):
    words, _, occlusion = occluded(space, goal, "her boats sell. it is warm @user #tag http")
    follows = {"".join(words.pieces[end:]).strip() for end in occlusion.ends}
    assert follows >= {". it is warm @user #tag http", "@user #tag http", ""}
    assert "warm @user #tag http" not in follows
    rng = random.Random(0)
    drawn = [occlusion.draw(rng, most_spans=1, most_words=3)[0] for _ in range(300)]
    assert sum(last in occlusion.ends for _, last in drawn) > 100


def test_drawn_spans_are_in_order_and_a_word_apart_and_within_the_bound():
    spans = [(i, j) for i in range(8) for j in range(i + 1, min(i + 4, 9))]
    occlusion = Occlusion(spans, torch.randn(len(spans)), [], torch.zeros(len(spans), 2), list(range(9)))
    rng = random.Random(0)
    for _ in range(200):
        drawn = occlusion.draw(rng, most_spans=3, most_words=4)
        assert all(a[1] < b[0] for a, b in pairwise(drawn))
        assert sum(max(1, last - first) for first, last in drawn) <= 4


def test_a_text_without_its_first_words_begins_as_before(space):
    assert without(space.words(["The old baker sells"])[0], (0, 2)) == "Baker sells"


def test_each_word_adds_to_the_goal_or_costs_it(space, goal):
    words, loss, _ = occluded(space, goal)
    found = effects(space, goal, words)
    assert found.shape == (len(words),)
    again = goal(space.pooled(space.encode([without(words, (1, 2))]))).item()
    assert found[1].item() == pytest.approx(again - loss, abs=0.05)

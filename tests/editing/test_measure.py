"""What is measured of a text: the losses of a goal, by the head and by readers."""

import numpy as np
import pytest
import torch

from latentopt.directions import Direction
from latentopt.editing import Along, AtLeast, Maximize, Target
from latentopt.editing.measure import Measure, started
from latentopt.editing.objectives import OfTexts
from tests.toy import toy_space
from tests.toy_problems import LinearHead


class Longer:
    """A reader whose score is the number of letters."""

    def predict_score(self, texts):
        return np.array([len(text) for text in texts], dtype=float)

    predict = predict_score


def test_a_reader_judges_by_what_a_text_has_gained_on_the_source():
    space = toy_space()
    head = LinearHead(torch.zeros(space.pooled_dim), bias=1.0)
    source, texts = "warm bread", ["warm bread, and more", "bread"]
    z = space.pooled(space.encode([source]))
    measure = Measure(space, 2 * Target(head, 6), source, z, constraints=[], readers={"likes": Longer()})
    attempts = measure(texts, torch.zeros(2, space.pooled_dim))
    assert [a.loss for a in attempts] == pytest.approx([50, 50])  # the head sees no gain: 2 (1 - 6)^2
    assert [a.read_loss for a in attempts] == pytest.approx([2 * (1 + 10 - 6) ** 2, 2 * (1 - 5 - 6) ** 2])


class Both:
    """What is shown: the head's score, and the number of letters."""

    has_interval = True

    def __init__(self, head):
        self.head = head

    def predict_score(self, z, texts):
        return self.head.forward(z).numpy() + [len(text) for text in texts]

    predict = predict_score

    def interval(self, z, texts, *, level):
        return np.stack([self.predict(z, texts) - level, self.predict(z, texts) + level], axis=1)


def test_what_is_shown_of_a_text_is_what_head_and_reader_say_together():
    space = toy_space()
    head = LinearHead(torch.ones(space.pooled_dim))
    source, longer = "warm bread", "warm bread and"
    z = space.pooled(space.encode([source, longer]))
    said = head.forward(z)
    goal = started(Target(head, said[0].item() + 14), space, source, z[:1], {"likes": Both(head)})
    measure = Measure(space, goal, source, z[:1], constraints=[], readers={}, opinions={"likes": Both(head)})
    now, then = measure.predicted([source, longer], z)
    assert now["likes"].value == pytest.approx(said[0].item() + 10, abs=1e-4)
    assert then["likes"].value == pytest.approx(said[1].item() + 14, abs=1e-4)
    assert then["likes"].high - then["likes"].low == pytest.approx(1.8, abs=1e-4)
    # From there on the latent counts: a wish 14 above what it says is 4 above what is shown.
    assert measure.loss == pytest.approx(4**2, rel=1e-4)
    assert measure.promised(z[:1]) == [{"likes": pytest.approx(said[0].item() + 10, abs=1e-4)}]


def test_a_wish_is_fulfilled_by_what_is_shown():
    space = toy_space()
    head = LinearHead(torch.zeros(space.pooled_dim))
    z = space.pooled(space.encode(["warm bread"]))
    opinions = {"likes": Both(head)}
    goal = started(AtLeast(head, 12), space, "warm bread", z, opinions)
    measure = Measure(space, goal, "warm bread", z, constraints=[], readers={}, opinions=opinions)
    assert not measure.already
    attempts = measure(["warm", "warm bread and"], torch.zeros(2, space.pooled_dim))
    assert [attempt.reached for attempt in attempts] == [False, True]
    assert measure.merits(attempts)[:, 0].tolist() == [-(8**2), 0]


def test_of_a_wish_with_a_negative_weight_the_contrary_is_wanted():
    space = toy_space()
    z = space.pooled(space.encode(["warm bread"]))
    length = OfTexts(lambda texts: [len(text) for text in texts], list, name="length")
    away = Target(LinearHead(torch.zeros(space.pooled_dim)), 0)
    measure = Measure(space, -2 * length + -1 * away, "warm bread", z, constraints=[], readers={})
    attempts = measure(["warm", "warm bread and"], torch.zeros(2, space.pooled_dim))
    assert measure.merits(attempts)[:, 0].tolist() == [8, 28]
    assert [measure.already, *(attempt.reached for attempt in attempts)] == [False] * 3


def test_a_direction_is_read_in_its_own_unit():
    space = toy_space()
    longer = Direction(torch.ones(space.pooled_dim), name="longer", space=space.fingerprint)
    z = space.pooled(space.encode(["warm bread"]))
    goal = Along(longer, 20.0).starting_at(z, space.density)
    measure = Measure(space, goal, "warm bread", z, constraints=[], readers={"longer": Longer()})
    attempts = measure(["warm bread, and more", "bread"], torch.zeros(2, space.pooled_dim))
    assert [a.read_loss for a in attempts] == pytest.approx([(20 - 10) ** 2, (20 + 5) ** 2])
    assert measure.read(["bread"]) == [{"longer": 5.0}]


def test_fluency_is_of_a_mean_token_and_the_cost_of_the_whole_text():
    space = toy_space()
    source, texts = "the old baker sells warm bread", ["the old baker sells", "the old baker sells warm stones"]
    z = space.pooled(space.encode([source]))
    goal = Target(LinearHead(torch.ones(space.pooled_dim)), 1)
    measure = Measure(space, goal, source, z, constraints=[], readers={})
    found = measure.with_fluency(measure(texts, torch.zeros(2, space.pooled_dim)))
    means = -space.log_likelihood([source, *texts])
    totals = means * (1 + torch.tensor(space.lengths([source, *texts])))  # the end is a token, too
    assert [a.fluency for a in found] == pytest.approx((means[0] - means[1:]).tolist(), abs=1e-3)
    assert [a.cost for a in found] == pytest.approx((totals[1:] - totals[0]).tolist(), abs=1e-2)
    assert found[1].cost > 0


def test_what_shall_not_be_and_what_can_always_be_more_have_no_end():
    space = toy_space()
    head = LinearHead(torch.ones(space.pooled_dim))
    z = space.pooled(space.encode(["warm bread"]))
    for goal, has_end in ((2 * Target(head, 6), True), (-1 * Target(head, 6), False), (1 * Maximize(head), False)):
        assert Measure(space, goal, "warm bread", z, constraints=[], readers={}).has_end == has_end

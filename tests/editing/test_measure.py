"""What is measured of a text: the losses of a goal, by the head and by readers."""

import numpy as np
import pytest
import torch

from latentopt.directions import Direction
from latentopt.editing import Along, Target
from latentopt.editing.measure import Measure
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


def test_a_direction_is_read_in_its_own_unit():
    space = toy_space()
    longer = Direction(torch.ones(space.pooled_dim), name="longer", space=space.fingerprint)
    z = space.pooled(space.encode(["warm bread"]))
    goal = Along(longer, 20.0).starting_at(z, space.density)
    measure = Measure(space, goal, "warm bread", z, constraints=[], readers={"longer": Longer()})
    attempts = measure(["warm bread, and more", "bread"], torch.zeros(2, space.pooled_dim))
    assert [a.read_loss for a in attempts] == pytest.approx([(20 - 10) ** 2, (20 + 5) ** 2])
    assert measure.read(["bread"]) == [{"longer": 5.0}]

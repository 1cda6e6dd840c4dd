"""Ways to write: what a latent says alone, and fills that share their spans."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from latentopt.directions import Direction
from latentopt.editing import Along, AtLeast, Infill, Near, Target, standard
from latentopt.editing.occlusion import occlude
from latentopt.editing.write import BIAS, Draft, texts_at, usual_writer
from property_models import LogisticHead
from tests.toy import toy_space, toy_texts
from tests.toy_problems import LinearHead

TEXT = "the old baker sells warm bread"


def test_a_latent_alone_is_written_and_always_the_same():
    space = toy_space()
    z = space.pooled(space.encode(toy_texts(12, seed=5)))
    texts = texts_at(space, z)
    assert texts_at(space, z) == texts
    own, others = (space.log_likelihood(texts, of).mean() for of in (z, z.roll(1, 0)))
    assert own > others + 0.05  # nats a token: each says what its own latent says


class Seen:
    """The toy space, as a writer asks it; what is asked is kept."""

    def __init__(self, space):
        self.null, self.pooled, self.pooled_dim = space.null, space.pooled, space.pooled_dim
        self.asked = []
        self.guided = []

    def fill(self, words, spans, z, sampling, *, against, forbidden):
        assert sampling.apart  # texts that are written twice are of no use
        assert against is None or torch.equal(against, self.null.expand_as(z))
        self.guided += (sampling.guidance * (against is not None)).tolist()
        self.asked += [(tuple(there), tuple(latent)) for there, latent in zip(spans, z.tolist(), strict=True)]
        return [f"text {i}" for i in range(len(spans))]


def draft_of(space, text):
    z = space.encode([text])
    words = space.words([text])[0]
    head = LinearHead(torch.ones(space.pooled_dim))
    occlusion = occlude(space, Target(head, 1), words, standard(), 1.0, random.Random(0))
    moved = torch.randn(2, space.pooled_dim, generator=torch.Generator().manual_seed(0))
    return Draft(words, z, moved, occlusion, 3, torch.zeros(space.model.config.vocab_size, dtype=torch.bool))


@pytest.mark.parametrize(
    ("source", "written"),
    [(TEXT, "one two"), ("the  old baker", "one  two"), (" the old baker", " one two"), ("the baker ", "one two ")],
)
def test_fills_leave_spaces_only_where_the_source_has_such(source, written):
    space = toy_space()
    seen = Seen(space)
    seen.fill = lambda words, spans, *rest, **options: [" one  two "] * len(spans)
    assert set(Infill().write(seen, [draft_of(space, source)], 4, seed=4).texts) == {written}


def test_fills_lean_to_words_where_a_class_is_wished_for():
    x = np.random.default_rng(0).normal(size=(40, 4))
    classes = LogisticHead().fit(x, np.where(x[:, 0] > 0, "glad", "sad"))
    count = Target(LinearHead(torch.ones(4)), 1)
    for goal in (AtLeast(classes.for_class("glad"), 0.9), Near() + count + 2 * AtLeast(classes, 0.9)):
        assert usual_writer(goal) == Infill(bias=BIAS)
    for goal in (count, Near(), Along(Direction(torch.ones(4), name="polite", space="", strength=1.0))):
        assert usual_writer(goal) == Infill()


def test_only_what_has_moved_is_guided():
    space = toy_space()
    draft = draft_of(space, TEXT)
    for moved, guided in ((draft.moved, {1.5}), (space.pooled(draft.z), {0.0})):
        seen = Seen(space)
        Infill(guidance=(1.5,), free=0.0).write(seen, [replace(draft, moved=moved)], 4, seed=4)
        assert set(seen.guided) == guided


def test_fills_are_led_by_the_null_latent_moved_as_the_texts_was():
    space = toy_space()
    draft, null = draft_of(space, TEXT), space.null[0]
    for free, steps in ((0.0, draft.moved - space.pooled(draft.z)), (1.0, torch.zeros(1, space.pooled_dim))):
        seen = Seen(space)
        written = Infill(free=free).write(seen, [draft], 12, seed=4)
        assert {latent for _, latent in seen.asked} == {tuple(latent) for latent in (null + steps).tolist()}
        led_by = draft.moved if free == 0.0 else space.null
        assert {tuple(z) for z in written.z.tolist()} == {tuple(z) for z in led_by.tolist()}


def test_fills_of_one_set_share_spans_and_latent():
    space = toy_space()
    draft = draft_of(space, TEXT)
    for fills in (1, 3):
        seen = Seen(space)
        written = Infill(fills=fills).write(seen, [draft], 8, seed=4)
        assert len(written.texts) == len(seen.asked) == 8
        for first in range(0, 8, fills):
            assert len(set(seen.asked[first : first + fills])) == 1
        assert len(set(seen.asked)) > 8 / fills / 2

"""Edits in the toy space."""

import pytest
import torch

from latentopt import optimize_texts
from latentopt.editing.objectives import Maximize, Near, Target
from latentopt.editing.optimizers import PreconditionedGradient, RandomSearch
from latentopt.errors import LatentoptError
from tests.toy import toy_space, toy_texts
from tests.toy_problems import LinearHead

TEXTS = toy_texts(5, seed=3)


@pytest.fixture(scope="module")
def space():
    return toy_space()


@pytest.fixture(scope="module")
def head(space):
    return LinearHead(torch.randn(space.latent_dim, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("optimizer", [PreconditionedGradient, RandomSearch])
def test_what_is_realised_is_measured_on_the_text(space, head, optimizer):
    goal = Target(head, 3.0)
    edits = optimize_texts(space, TEXTS, goal, optimizer=optimizer(space.density.covariance), chunk=2)
    assert [edit.source for edit in edits] == TEXTS
    for edit in edits:
        assert edit.predicted["likes"].value == pytest.approx(
            head.forward(space.encode([edit.source])).item(), abs=1e-4
        )
        for candidate in edit.candidates:
            again = head.forward(space.encode([candidate.text])).item()
            assert candidate.realised["likes"].value == pytest.approx(again, abs=1e-4)
            assert candidate.text.strip()
            assert candidate.text != edit.source


def test_the_status_follows_from_the_best_candidate(space, head):
    for edit in optimize_texts(space, TEXTS, Target(head, 2.0)):
        own = abs(edit.predicted["likes"].value - 2)
        misses = [abs(candidate.realised["likes"].value - 2) for candidate in edit.candidates]
        if edit.status == "reached":
            assert misses[0] <= 0.25
        elif edit.status == "improved":
            assert 0.25 < misses[0] < own
        else:
            assert all(miss >= own for miss in misses)


def test_a_text_that_cannot_be_bettered_says_so(space, head):
    own = head.forward(space.encode(TEXTS))
    edits = optimize_texts(space, TEXTS, Target(head, own))
    assert {edit.status for edit in edits} == {"none_better"}


def test_several_wishes_are_measured_each(space, head):
    other = LinearHead(head.weight.flip(0), name="tone")
    (edit,) = optimize_texts(
        space, TEXTS[:1], Target(head, 2.0) + Maximize(other) + 0.1 * Near(space.encode(TEXTS[:1]))
    )
    assert list(edit.predicted) == ["likes", "tone"]
    assert all(list(candidate.realised) == ["likes", "tone"] for candidate in edit.candidates)


def test_a_wish_without_an_end_does_not_keep_the_others_from_being_reached(space, head):
    statuses = [
        [edit.status for edit in optimize_texts(space, TEXTS, goal)]
        for goal in (Target(head, 2.0), Target(head, 2.0) + 1e-6 * Maximize(head))
    ]
    assert statuses[0] == statuses[1]
    assert "reached" in statuses[0]


def test_as_many_values_as_texts_are_needed(space, head):
    with pytest.raises(LatentoptError, match="a wish names one value, or one for each text, got 2 values for 5 texts"):
        optimize_texts(space, TEXTS, Target(head, [1.0, 2.0]))


def test_no_more_candidates_are_kept_than_asked_for(space, head):
    (edit,) = optimize_texts(space, TEXTS[:1], Target(head, 2.0), candidates=2)
    assert len(edit.candidates) <= 2
    assert len({candidate.text for candidate in edit.candidates}) == len(edit.candidates)


def test_the_same_seed_gives_the_same_edits_in_chunks_of_any_size(space, head):
    whole, parts = (optimize_texts(space, TEXTS, Target(head, 2.0), chunk=chunk) for chunk in (5, 2))
    assert [[c.text for c in edit.candidates] for edit in whole] == [
        [c.text for c in edit.candidates] for edit in parts
    ]


def test_progress_counts_the_texts_that_are_done(space, head):
    done: list[int] = []
    optimize_texts(space, TEXTS, Target(head, 2.0), chunk=2, progress=done.append)
    assert done == [2, 4, 5]


def test_a_goal_without_a_wish_is_refused(space):
    with pytest.raises(LatentoptError, match="a goal needs at least one wish for a property"):
        optimize_texts(space, TEXTS, Near(space.encode(TEXTS)))


def test_an_edit_as_json_has_the_documented_shape(space, head):
    (edit,) = optimize_texts(space, TEXTS[:1], Target(head, 2.0))
    document = edit.to_json()
    assert list(document) == ["source", "predicted", "candidates", "status"]
    assert isinstance(document["predicted"]["likes"], float)
    assert list(document["candidates"][0]) == [
        "text",
        "realised",
        "promised",
        "similarity",
        "typicality",
        "fluency",
        "distance",
    ]
    assert list(document["candidates"][0]["realised"]["likes"]) == ["value", "low", "high"]
    assert isinstance(document["candidates"][0]["promised"]["likes"], float)

"""Edits in the toy space."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from latentopt.editing import (
    AtLeast,
    Best,
    Effort,
    Floors,
    Front,
    Infill,
    Maximize,
    Near,
    OfTexts,
    Rewrite,
    Target,
    TextEditor,
    standard,
)
from latentopt.editing import editor as module
from latentopt.editing.constraints import Constraint
from latentopt.editing.optimizers.random_search import RandomSearch
from latentopt.editing.search import search
from latentopt.editing.write import Written, texts_at
from latentopt.errors import LatentoptError
from tests.toy import toy_space, toy_texts
from tests.toy_problems import LinearHead

TEXTS = toy_texts(5, seed=3)
# What the toy finds fluent and alike is coarse, and differs with the processor: no floor at all, and a low one.
NONE = Floors(fluency=-99.0, cost=999.0, strain=99.0, meaning=-2.0, change=1.0)
LOW = Floors(fluency=-0.5, cost=99.0, strain=8.0, meaning=0.3, change=0.5)
LITTLE = Effort(rounds=2, rows=24, beam=2, scored=16)


@pytest.fixture(scope="module")
def space():
    return toy_space()


@pytest.fixture(scope="module")
def head(space):
    return LinearHead(torch.randn(space.pooled_dim, generator=torch.Generator().manual_seed(0)))


def editor(space, goal, **options):
    return TextEditor(space, goal, **{"floors": NONE, "effort": LITTLE, **options})


def value_of(space, head, text):
    return head.forward(space.pooled(space.encode([text]))).item()


class Shorter:
    """A reader that likes short texts."""

    def predict(self, texts):
        return -np.array([len(text) for text in texts], dtype=float)

    predict_score = predict


@pytest.mark.parametrize("writer", [Infill(), Rewrite()])
def test_what_is_shown_is_measured_on_the_text_and_better_than_the_source(space, head, writer):
    edits = editor(space, Maximize(head), writer=writer).edit(TEXTS)
    assert [edit.source for edit in edits] == TEXTS
    assert any(edit.candidates for edit in edits)
    for edit in edits:
        own = value_of(space, head, edit.source)
        assert edit.predicted["likes"].value == pytest.approx(own, abs=1e-3)
        for candidate in edit.candidates:
            again = value_of(space, head, candidate.text)
            assert candidate.realised["likes"].value == pytest.approx(again, abs=1e-2)
            assert again > own
            assert candidate.text != edit.source


def test_nothing_below_a_floor_is_shown(space, head):
    edits = editor(space, Maximize(head), floors=LOW).edit(TEXTS)
    assert any(edit.candidates for edit in edits)
    for edit in edits:
        for candidate in edit.candidates:
            assert candidate.fluency >= LOW.fluency
            assert candidate.meaning >= LOW.meaning
            assert candidate.changed <= LOW.change + 1e-9


def test_the_status_follows_from_the_best_candidate(space, head):
    own = head.forward(space.pooled(space.encode(TEXTS)))
    seen = []
    for more in (0.2, 50.0):  # nearly there, and out of reach
        wishes = own + more
        for edit, wished in zip(editor(space, AtLeast(head, wishes)).edit(TEXTS), wishes.tolist(), strict=True):
            values = [candidate.realised["likes"].value for candidate in edit.candidates]
            best = values[0] if values else -99.0
            status = "reached" if best >= wished else "improved" if values else "none_better"
            assert (edit.status, edit.already) == (status, False)
            seen.append(edit.status)
    assert {"reached", "improved"} <= set(seen)
    (has,) = editor(space, AtLeast(head, own[0] - 1)).edit(TEXTS[:1])
    assert (has.status, has.already, has.candidates) == ("none_better", True, [])


def test_a_text_that_has_what_is_wished_for_says_so(space, head):
    own = head.forward(space.pooled(space.encode(TEXTS)))
    edits = editor(space, Target(head, own)).edit(TEXTS)
    assert {(edit.status, edit.already) for edit in edits} == {("none_better", True)}


def test_what_must_be_kept_is_kept(space, head):
    constraints = standard(keep=["baker", "bread"], forbid=["Sundays"])
    source = "the old baker sells warm bread every morning"
    (edit,) = editor(space, Maximize(head), constraints=constraints).edit([source])
    assert edit.candidates
    for candidate in edit.candidates:
        assert "baker" in candidate.text
        assert "bread" in candidate.text
        assert "Sundays" not in candidate.text


def test_no_reader_is_overruled(space, head):
    edits = editor(space, Maximize(head), readers={"likes": Shorter()}).edit(TEXTS)
    assert any(edit.candidates for edit in edits)
    for edit in edits:
        assert edit.read == {"likes": -len(edit.source)}
        for candidate in edit.candidates:
            assert candidate.agrees
            assert len(candidate.text) < len(edit.source)
            assert candidate.read == {"likes": -len(candidate.text)}


class Shown:
    """What is shown of latents and their texts, by a function of both."""

    has_interval = False

    def __init__(self, predict):
        self.predict = self.predict_score = predict


def test_candidates_are_better_by_the_value_that_is_shown(space, head):
    both = Shown(lambda z, texts: 0.1 * head.forward(z).numpy() + Shorter().predict(texts))
    edits = editor(space, Maximize(head), opinions={"likes": both}).edit(TEXTS)
    assert any(edit.candidates for edit in edits)
    for edit in edits:
        for candidate in edit.candidates:
            assert candidate.realised["likes"].value > edit.predicted["likes"].value


def test_where_the_value_that_is_shown_never_rises_it_is_said(space, head):
    opposite = Shown(lambda z, texts: -head.forward(z).numpy())
    (edit,) = editor(space, Maximize(head), constraints=[], opinions={"likes": opposite}).edit(TEXTS[:1])
    assert edit.candidates == []
    assert "is no better than the text by the value that is shown" in edit.reason


def test_a_persons_function_is_asked_once_for_a_text(space, head):
    asked = []

    def length(texts):
        asked.extend(texts)
        return [0.1 * len(text) for text in texts]

    goal = Maximize(head) + OfTexts(length, lambda z: texts_at(space, z), name="length")
    optimizer = RandomSearch(space.density.covariance)
    effort = Effort(rounds=1, tries=1, rows=8)
    (edit,) = editor(space, goal, optimizer=optimizer, effort=effort, readers={"likes": Shorter()}).edit(TEXTS[:1])
    assert (edit.status, edit.already) == ("improved", False)  # such a wish has no end
    assert {edit.source, *(candidate.text for candidate in edit.candidates)} <= set(asked)
    assert len(asked) == len(set(asked))


class WithEnd(OfTexts):
    """A loss of texts that can be gone."""

    def fulfilled(self, values):
        return values <= 0


def weight(space, costs):
    """The goal that texts of six words have none of some words, each of which costs something."""

    def of(texts):
        return [sum(cost for word, cost in costs.items() if word in t) + 50 * (6 - len(t.split())) for t in texts]

    return WithEnd(of, lambda z: texts_at(space, z), name="weight")


class Dictated:
    """Writes what it is told to, of whatever text."""

    def __init__(self, *texts):
        self.texts = list(texts)

    def write(self, space, drafts, rows, *, seed):
        return Written(self.texts, torch.zeros(len(self.texts), space.pooled_dim))


@pytest.mark.parametrize(
    ("costs", "together"),
    [({"warm": 8.0, "old": 7.0, "bread": 1.0}, True), ({"warm": 8.0, "old": 1.0, "bread": 1.0}, False)],
    ids=["both weigh much", "one weighs little"],
)
def test_edits_of_different_words_are_also_tried_together(space, costs, together):
    source, both = "the old baker sells warm bread", "the young baker sells fresh bread"
    halves = ["the young baker sells warm bread", "the old baker sells fresh bread"]
    goal = weight(space, costs)
    options = {"effort": Effort(rounds=1, tries=1), "optimizer": RandomSearch(space.density.covariance)}
    written = Dictated(*halves)
    (edit,) = editor(space, goal, writer=written, shown=lambda found, merits: found, **options).edit([source])
    assert (both in [candidate.text for candidate in edit.candidates]) == together


def test_a_pair_that_did_too_little_may_be_written_by_a_later_round(space):
    class Later(Dictated):
        def write(self, space, drafts, rows, *, seed):
            first = drafts[0].words.text == source
            return Dictated(*(self.texts[:2] if first else self.texts[2:])).write(space, drafts, rows, seed=seed)

    costs = {"warm": 8.0, "old": 1.0, "bread": 1.0}
    source, both = "the old baker sells warm bread", "the young baker sells fresh bread"
    written = Later("the young baker sells warm bread", "the old baker sells fresh bread", both)
    goal = weight(space, costs)
    options = {"effort": Effort(rounds=2, tries=1), "optimizer": RandomSearch(space.density.covariance)}
    (edit,) = editor(space, goal, writer=written, shown=lambda found, merits: found, **options).edit([source])
    assert both in [candidate.text for candidate in edit.candidates]


def test_without_a_writer_the_goal_has_its_usual_one(space, head, monkeypatch):
    chosen = []
    monkeypatch.setattr(module, "usual_writer", lambda goal: chosen.append(goal) or Dictated("the old baker"))
    editor(space, Maximize(head), effort=Effort(rounds=1, tries=1)).edit(TEXTS[:1])
    assert len(chosen) == 1


def test_several_wishes_are_measured_each(space, head):
    other = LinearHead(head.weight.flip(0), name="tone")
    (edit,) = editor(space, Target(head, 2.0) + Maximize(other) + 0.1 * Near()).edit(TEXTS[:1])
    assert list(edit.predicted) == ["likes", "tone"]
    assert edit.candidates
    assert all(list(candidate.realised) == ["likes", "tone"] for candidate in edit.candidates)


def test_edits_depend_on_the_text_and_the_seed_alone(space, head):
    def texts(edits):
        return [[candidate.text for candidate in edit.candidates] for edit in edits]

    chosen = editor(space, Maximize(head))
    together = texts(chosen.edit(TEXTS[:3]))
    assert texts(chosen.edit(TEXTS[1:2])) == together[1:2]
    assert texts(chosen.edit(TEXTS[2::-1])) == together[::-1]
    assert texts(editor(space, Maximize(head), seed=1).edit(TEXTS[:3])) != together


def test_transform_gives_the_best_text_or_the_source(space, head):
    chosen = editor(space, Maximize(head))
    assert chosen.transform(TEXTS[:2]) == [edit.text for edit in chosen.edit(TEXTS[:2])]
    assert editor(space, Maximize(head), floors=Floors(meaning=1.1)).transform(TEXTS[:2]) == TEXTS[:2]


def test_if_every_attempt_is_refused_the_floor_is_named(space, head):
    (edit,) = editor(space, Maximize(head), floors=Floors(meaning=1.1)).edit(TEXTS[:1])
    assert edit.status == "none_better"
    assert edit.reason.endswith("a smaller --min-meaning lets more through")


def test_a_text_that_is_too_long_is_made_to_fit(space, head):
    source = TEXTS[0]
    constraints = standard(max_length=len(source) - 3)
    (edit,) = editor(space, Maximize(head), constraints=constraints).edit([source])
    assert edit.candidates
    assert all(len(candidate.text) <= len(source) - 3 for candidate in edit.candidates)


def test_no_more_candidates_than_asked_for(space, head):
    edits = [editor(space, Maximize(head), shown=Best(most)).edit(TEXTS) for most in (1, 3)]
    few, more = ([len(edit.candidates) for edit in found] for found in edits)
    assert max(few) == 1 < max(more) <= 3


def test_no_candidate_of_the_front_is_beaten_in_everything(space, head):
    other = LinearHead(head.weight.flip(0), name="tone")
    goal = Maximize(head) + Maximize(other)
    edits = editor(space, goal, shown=Front(20)).edit(TEXTS)
    assert any(len(edit.candidates) > 1 for edit in edits)
    for edit in edits:
        merits = [(c.realised["likes"].value, c.realised["tone"].value, c.fluency, c.meaning) for c in edit.candidates]
        assert not any(all(x < y for x, y in zip(a, b, strict=True)) for a in merits for b in merits)


def test_another_optimizer_can_move_the_latent(space, head):
    class Seen(RandomSearch):
        def start(self, at, noise):
            started.append(at.z)
            return super().start(at, noise)

    started = []
    editor(space, Maximize(head), optimizer=Seen(space.density.covariance)).edit(TEXTS[:1])
    assert torch.allclose(started[0], space.pooled(space.encode(TEXTS[:1])), atol=0.05)  # encoded in bf16


def test_progress_counts_the_texts_that_are_done(space, head):
    done: list[int] = []
    editor(space, Maximize(head), effort=Effort(rounds=1, rows=4)).edit(TEXTS[:3], progress=done.append)
    assert done == [1, 2, 3]


def test_rounds_end_in_the_edit(space, head):
    chosen = editor(space, Maximize(head))
    found = list(chosen.rounds(TEXTS[0]))
    assert len(found) == LITTLE.rounds
    seen = []
    assert chosen.edit([TEXTS[0]], glance=seen.append) == found[-1:]
    assert seen == found
    assert found[-1] == chosen.edit(TEXTS[:1])[0]


def test_a_glance_has_no_part_in_the_rounds_but_what_was_searched_for_it(space, head, monkeypatch):
    few, chosen = Effort(tries=1, rows=6, scored=4), editor(space, Maximize(head), effort=Effort(tries=1, rows=24))
    rounds = list(chosen.rounds(TEXTS[0]))
    asked = []
    monkeypatch.setattr(module, "search", lambda *given, **options: asked.append(1) or search(*given, **options))
    assert list(chosen.rounds(TEXTS[0], glance=few)) == [*chosen.set_params(effort=few).edit([TEXTS[0]]), *rounds]
    assert len(asked) == 2  # one of them is that of `edit`


def test_words_are_explained_by_what_they_add(space, head):
    words, adds = editor(space, Maximize(head)).explain(TEXTS[0])
    assert "".join(words) == TEXTS[0]
    own = value_of(space, head, TEXTS[0])
    lost = [own - value_of(space, head, "".join(words[:i] + words[i + 1 :]).lstrip()) for i in range(len(words))]
    assert adds.tolist() == pytest.approx(lost, abs=0.05)  # encoded in bf16
    assert max(map(abs, lost)) > 0.5


def test_a_copy_by_scikit_learn_edits_alike_and_shares_the_model(space, head):
    chosen = editor(space, Maximize(head))
    copied = clone(chosen)
    assert copied is not chosen
    assert copied.space is space
    assert copied.transform(TEXTS[:2]) == chosen.transform(TEXTS[:2])


def test_rounds_end_once_something_may_be_shown(space, head):
    found = list(editor(space, Maximize(head), effort=Effort(rounds=1, tries=3, rows=24)).rounds(TEXTS[0]))
    assert [bool(edit.candidates) for edit in found] == [True]


def test_where_nothing_may_be_shown_the_source_is_tried_again(space, head):
    effort = Effort(rounds=1, tries=3, rows=24)
    found = list(editor(space, Maximize(head), effort=effort, floors=Floors(meaning=2.0)).rounds(TEXTS[0]))
    assert [bool(edit.candidates) for edit in found] == [False] * 3


def test_constraints_that_are_set_later_hold(space, head):
    chosen = editor(space, Maximize(head))
    edits = (edit for text in TEXTS for edit in chosen.edit([text]))
    source, word = next((e.source, word) for e in edits for word in e.source.split() if word not in e.text.split())
    chosen.set_params(constraints=standard(keep=[word]))  # which was lost without it
    (after,) = chosen.edit([source])
    assert after.candidates
    assert all(word in candidate.text.split() for candidate in after.candidates)


def test_the_vocabulary_is_walked_once_for_constraints(space, head):
    class Counting(Constraint):
        def __init__(self):
            self.asked = 0

        def forbids(self, token):
            self.asked += 1
            return False

    first, second = Counting(), Counting()
    chosen = editor(space, Maximize(head), effort=Effort(rounds=1, rows=4), constraints=[first])
    chosen.edit(TEXTS[:1])
    chosen.edit(TEXTS[1:2])
    assert first.asked == space.model.config.vocab_size
    chosen.set_params(constraints=[second]).edit(TEXTS[:1])
    assert second.asked == first.asked


def test_as_many_values_as_texts_are_needed(space, head):
    with pytest.raises(LatentoptError, match="a wish names one value, or one for each text, got 2 values for 5 texts"):
        editor(space, Target(head, [1.0, 2.0])).edit(TEXTS)


def test_a_goal_without_a_wish_is_refused(space):
    with pytest.raises(LatentoptError, match="a goal needs at least one wish for a property"):
        editor(space, Near()).edit(TEXTS)


def test_one_string_is_not_taken_for_its_letters(space, head):
    with pytest.raises(LatentoptError, match=r"texts must be a list of strings, got one string; write \[text\]"):
        TextEditor(space, Maximize(head)).edit("the tall nurse paints")


def test_effort_is_scaled_in_what_is_tried_and_never_to_nothing():
    assert Effort(tries=2, rows=64, scored=40).scaled(0.3) == Effort(tries=2, rows=19, scored=12)
    assert Effort().scaled(1e-9) == Effort(rows=1, scored=1)

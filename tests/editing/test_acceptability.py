"""What tells edits that could be posted from others, and what comes of it."""

from dataclasses import replace

import pytest
import torch
from sklearn.base import clone

from latentopt.editing import Effort, Floors, Maximize, TextEditor, acceptability
from latentopt.editing.acceptability import FILE, Acceptability, states_of_edits
from latentopt.editing.edit import changes_between, places_changed
from latentopt.editing.measure import Measure
from latentopt.editing.rank import ordered, value
from latentopt.errors import LatentoptError, TruncationWarning
from latentopt.space import LatentSpace
from latentopt.space.states import token_states
from latentopt.space.surprise import Surprise
from tests.toy import toy_space, toy_texts
from tests.toy_problems import LinearHead

SOURCE = "the old baker sells warm bread"
TEXTS = ["the old baker loves warm bread", "the baker sells warm bread", SOURCE]
NO_FLOORS = Floors(fluency=-99.0, cost=999.0, strain=99.0, meaning=-2.0, change=1.0, acceptability=0.0)


@pytest.fixture(scope="module")
def space():
    return toy_space()


def probe(space, seed=0):
    size = states_of_edits(space, SOURCE, TEXTS).shape[1]
    weight = torch.randn(size, generator=torch.Generator().manual_seed(seed)) / size
    return Acceptability(weight, 0.5, space.fingerprint)


def test_states_are_of_what_is_new_and_of_what_was_there(space):
    states = states_of_edits(space, SOURCE, TEXTS)
    new, whole, old, source, *_ = states.view(3, 8, -1).unbind(1)
    loves, sells = (token_states(space, [text])[0] for text in (TEXTS[0], SOURCE))
    torch.testing.assert_close(new[0], loves.mean_within([(14, 19)]), atol=1e-2, rtol=0)
    torch.testing.assert_close(old[0], sells.mean_within([(14, 19)]), atol=1e-2, rtol=0)
    assert not new[1].any()
    assert old[1].any()
    assert not torch.cat([new[2], old[2]]).any()
    torch.testing.assert_close(whole[2], source[2], atol=1e-2, rtol=0)
    assert states_of_edits(space, SOURCE, []).shape == (0, states.shape[1])


def test_states_are_also_of_what_stands_behind_as_the_decoder_reads_it(space):
    states = states_of_edits(space, SOURCE, TEXTS).view(3, 8, -1)
    (read,) = space.surprise([TEXTS[0]], with_states=True)
    assert len(read.states.states) == len(read.states.characters) == len(read.ends)
    deep = torch.stack(
        [
            read.states.mean_within([(14, 19)]),
            read.states.mean_within([(20, len(TEXTS[0]))]),
            read.states.mean,
            read.states.states[-1],
        ]
    )
    torch.testing.assert_close(states[0, 4:], deep, atol=2e-2, rtol=0)
    assert not states[2, 4:6].any()  # nothing is new, nothing stands behind it
    torch.testing.assert_close(
        states_of_edits(space, "@you the old baker", ["@you the baker"])[0].view(8, -1)[4:],
        states_of_edits(space, "the old baker", ["the baker"])[0].view(8, -1)[4:],
        atol=2e-2,
        rtol=0,
    )  # marks are left out
    ends = states_of_edits(space, SOURCE, [f"{SOURCE} today"]).view(8, -1)
    assert ends[4].any()
    assert not ends[5].any()


def test_tokens_cover_the_characters_that_they_say(space):
    (found,) = token_states(space, [SOURCE])
    assert len(found.states) == len(found.characters) + 1
    assert found.characters[-1][1] == len(SOURCE)
    assert not found.mean_within([(7, 7)]).any()  # a place of no length, inside a word
    torch.testing.assert_close(found.mean_within([(0, len(SOURCE))]), found.states[:-1].mean(0))


def test_a_text_that_spells_a_special_token_means_its_characters(space):
    (found,) = token_states(space, ["warm </s> bread <extra_id_0>"])
    assert len(found.states) == len(found.characters) + 1


def test_what_was_there_is_what_the_new_words_have_replaced():
    source, text = "we hate this and you", "this you and we love"
    built = source
    for (first, last), (begin, end) in reversed(places_changed(source, text)):
        built = f"{built[:first]} {text[begin:end]} {built[last:]}"
    assert built.split() == text.split()
    assert [change.was for change in changes_between(source, text)] == [
        source[first:last] for (first, last), _ in places_changed(source, text)
    ]


def test_ratings_are_within_their_scale_and_none_is_known_of_marks_alone(space):
    for bias, rating in ((9.0, 2.0), (-9.0, 0.0)):
        assert replace(probe(space), bias=bias).predict(space, SOURCE, TEXTS).tolist() == [rating] * len(TEXTS)
    source, texts = f"{SOURCE} #one", [f"{SOURCE} #two", "the old baker loves warm bread #one"]
    assert probe(space).predict(space, source, texts).isnan().tolist() == [True, False]
    assert probe(space).predict(space, "#one", ["#two", "two"]).isnan().tolist() == [True, False]
    assert not probe(space).predict(space, "it 's warm", ["it's warm"]).isnan().any()
    z = space.pooled(space.encode([source]))
    head = LinearHead(torch.zeros(space.pooled_dim), bias=1.0)
    measure = Measure(space, Maximize(head), source, z, constraints=[], readers={}, acceptability=probe(space))
    marks, words = measure.with_fluency(measure(texts, torch.zeros(2, space.pooled_dim)))
    assert marks.acceptability is None
    assert words.acceptability is not None


def test_another_judge_of_fluency_leaves_the_rating_as_it_is(space):
    class Judge:
        def surprise(self, texts):
            return [Surprise(found.ends, [1.0] * len(found.nats)) for found in space.surprise(texts)]

    z = space.pooled(space.encode([SOURCE]))
    given = {"constraints": [], "readers": {}, "acceptability": probe(space)}
    goal = Maximize(LinearHead(torch.zeros(space.pooled_dim), bias=1.0))
    own, other = (Measure(space, goal, SOURCE, z, language_model=judge, **given) for judge in (None, Judge()))
    promised = torch.zeros(2, space.pooled_dim)
    ours, theirs = (measure.with_fluency(measure(TEXTS[:2], promised)) for measure in (own, other))
    assert [a.acceptability for a in ours] == [a.acceptability for a in theirs]
    assert [a.fluency for a in theirs] == [0.0, 0.0]
    with pytest.raises(LatentoptError, match="with_states=True"):
        states_of_edits(space, SOURCE, TEXTS[:1], Judge().surprise(TEXTS[:1]))


def test_states_are_kept_for_many_texts_and_for_what_is_read_of_long_ones(space):
    texts = toy_texts(9, seed=4)
    for few, all_ in zip(
        space.surprise(texts, with_states=True, batch_size=4), space.surprise(texts, with_states=True), strict=True
    ):
        torch.testing.assert_close(few.states.states, all_.states.states, atol=5e-2, rtol=0)
        assert few.states.characters == all_.states.characters
    with pytest.warns(TruncationWarning):
        (long,) = space.surprise([" ".join(texts)], with_states=True)
    assert len(long.states.states) == len(long.states.characters) == len(long.ends) == space.max_tokens
    assert space.surprise(texts[:1])[0].states is None


def test_a_probe_of_another_space_is_refused(space):
    with pytest.raises(LatentoptError, match="another latent space"):
        replace(probe(space), fingerprint="of another").predict(space, SOURCE, TEXTS)


def test_a_probe_is_kept_with_its_model_and_found_there(space, tmp_path, monkeypatch):
    space.save_pretrained(tmp_path)
    again = LatentSpace.from_pretrained(tmp_path, device="cpu")
    assert Acceptability.of_model(again) is None
    made = replace(probe(space), fingerprint=again.fingerprint, goals={"likes": 0.5, "civil": -0.25})
    made.save_pretrained(tmp_path / FILE)
    found = Acceptability.of_model(again)
    assert found.goals == made.goals
    assert (found.knows(["likes"]), found.knows(["likes", "clicks"])) == (True, False)
    plain, shifted = (found.predict(again, SOURCE, TEXTS, goals=goals) for goals in ((), ("likes", "civil")))
    torch.testing.assert_close(shifted, plain + 0.125)
    torch.testing.assert_close(found.predict(again, SOURCE, TEXTS), made.predict(again, SOURCE, TEXTS))
    replace(made, fingerprint="of another").save_pretrained(tmp_path / FILE)
    assert Acceptability.of_model(again) is None
    (tmp_path / FILE).write_bytes(b"no tensors")
    with pytest.raises(LatentoptError, match="no acceptability of edits"):
        Acceptability.of_model(again)
    monkeypatch.setattr(acceptability, "READS", "other states")
    made.save_pretrained(tmp_path / FILE)
    monkeypatch.undo()
    with pytest.raises(LatentoptError, match=r"reads other states \(other states\)"):
        Acceptability.of_model(again)


def test_what_could_be_posted_comes_first(space):
    head = LinearHead(torch.zeros(space.pooled_dim), bias=1.0)
    z = space.pooled(space.encode([SOURCE]))
    given = {"constraints": [], "readers": {}}
    plain = Measure(space, Maximize(head), SOURCE, z, **given)
    asked = Measure(space, Maximize(head), SOURCE, z, acceptability=probe(space), **given)
    promised = torch.zeros(2, space.pooled_dim)
    assert [a.acceptability for a in plain.with_fluency(plain(TEXTS[:2], promised))] == [None, None]
    attempts = asked.with_fluency(asked(TEXTS[:2], promised))
    assert [a.acceptability for a in attempts] == probe(space).predict(space, SOURCE, TEXTS[:2]).tolist()
    best, other = (replace(attempts[0], text=name, acceptability=score) for name, score in (("b", 1.2), ("a", 0.3)))
    assert ordered([other, best]) == [best, other]
    unknown = replace(best, acceptability=None)
    assert value(best) < value(unknown) < value(other)


def test_a_lower_loss_is_better_however_far_it_is_and_below_0(space):
    head = LinearHead(torch.zeros(space.pooled_dim), bias=1.0)
    measure = Measure(space, Maximize(head), SOURCE, space.pooled(space.encode([SOURCE])), constraints=[], readers={})
    (attempt,) = measure(TEXTS[:1], torch.zeros(1, space.pooled_dim))
    values = [value(replace(attempt, loss=loss, read_loss=loss)) for loss in (-1e3, -6, -1, 0, 0.5, 4, 90, 1e4)]
    assert values == sorted(set(values))
    assert values[2] - values[1] == pytest.approx(5)  # what has no end is no square
    assert values[6] - values[5] < 10


def test_an_edit_is_the_same_whatever_its_neighbours_and_a_clone_asks_the_same_probe(space):
    head = LinearHead(torch.randn(space.pooled_dim, generator=torch.Generator().manual_seed(0)))
    texts = toy_texts(3, seed=3)
    given = {"acceptability": probe(space), "floors": NO_FLOORS, "effort": Effort(rows=12, scored=12)}
    editor = TextEditor(space, Maximize(head), **given)
    together = clone(editor).edit(texts)
    assert any(edit.candidates for edit in together)
    assert [editor.edit([text])[0].to_json() for text in texts] == [edit.to_json() for edit in together]


def test_an_editor_asks_what_came_with_the_model_or_what_it_is_given(space, tmp_path):
    space.save_pretrained(tmp_path)
    here = LatentSpace.from_pretrained(tmp_path, device="cpu")
    came = replace(probe(here), fingerprint=here.fingerprint)
    came.save_pretrained(tmp_path / FILE)
    head = LinearHead(torch.randn(here.pooled_dim, generator=torch.Generator().manual_seed(0)))
    shown = {}

    def first(attempts, merits):
        shown.update({attempt.text: attempt.acceptability for attempt in attempts})
        return list(attempts[:1])

    little = {"floors": NO_FLOORS, "effort": Effort(rows=16, scored=16), "shown": first}
    text = toy_texts(1, seed=3)[0]
    for given in (None, probe(here, seed=1)):
        shown.clear()
        TextEditor(here, Maximize(head), acceptability=given, **little).edit([text])
        texts = list(shown)
        expected = (given or came).predict(here, text, texts)
        assert texts
        torch.testing.assert_close(torch.tensor([shown[t] for t in texts]), expected, atol=1e-3, rtol=0)


def test_what_nobody_would_post_is_not_shown_and_the_option_is_named(space):
    head = LinearHead(torch.randn(space.pooled_dim, generator=torch.Generator().manual_seed(0)))
    weight = torch.zeros_like(probe(space).weight)
    hopeless = replace(probe(space), weight=weight, bias=0.3, goals={"likes": -0.2})
    given = {"acceptability": hopeless, "effort": Effort(rows=12, scored=12)}
    text = toy_texts(1, seed=3)[0]
    (edit,) = TextEditor(space, Maximize(head), floors=replace(NO_FLOORS, acceptability=0.25), **given).edit([text])
    assert (edit.status, edit.candidates) == ("none_better", [])
    assert "can expect a rating of 0.10 from 0 to 2, below 0.25" in edit.reason
    assert "a smaller --min-acceptability lets more through" in edit.reason
    (edit,) = TextEditor(space, Maximize(head), floors=NO_FLOORS, **given).edit([text])
    assert {candidate.acceptability_words for candidate in edit.candidates} == {"poor"}
    given["acceptability"] = replace(hopeless, goals={"another": 0.0})  # a guess refuses nothing, and is not told
    (edit,) = TextEditor(space, Maximize(head), floors=replace(NO_FLOORS, acceptability=0.9), **given).edit([text])
    assert {candidate.acceptability for candidate in edit.candidates} == {None}

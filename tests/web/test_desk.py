"""What the page does, without the page."""

import numpy as np
import pytest

from latentopt.directions import Direction
from latentopt.directions.reader import fit_style_reader
from latentopt.editing import Effort
from latentopt.editing.constraints import KeepWords
from latentopt.errors import LatentoptError
from latentopt.heads import Fitted, save_head
from latentopt.space import LatentSpace
from latentopt.web.controls import OneOf, Strength, Times, Value, controls_of
from latentopt.web.desk import MOST_CHARACTERS, MOST_ROWS, Asked, Desk, stays, texts_to_edit
from property_models import LogisticHead, NegativeBinomialHead, RidgeHead
from tests.toy import toy_texts

TEXT = "the old baker sells warm bread in winter"


def last(edits):
    return list(edits)[-1]


def test_every_head_and_direction_of_the_model_is_a_control(desk):
    assert {name: type(control) for name, control in desk.controls.items()} == {
        "likes": Times,
        "tone": OneOf,
        "brisk": Strength,
    }


def test_a_multiple_is_of_what_is_predicted_for_the_text(desk):
    z = desk.space.pooled(desk.space.encode([TEXT]))
    wish = desk.controls["likes"].wish(3, z, TEXT)
    assert wish.value.item() == pytest.approx(3 * wish.values(z).item())


def test_of_a_share_the_odds_are_multiplied(desk):
    z = desk.space.pooled(desk.space.encode(toy_texts(50)))
    rate = RidgeHead(scale="logit").fit(z.numpy(), z[:, 0].sigmoid().numpy())
    now = rate.predict(z[:1].numpy())[0]
    wish = Times("clicks", Fitted(rate, None, None, {})).wish(10, z[:1], TEXT)
    assert wish.value.item() / (1 - wish.value.item()) == pytest.approx(10 * now / (1 - now))


def test_heads_of_the_model_stand_in_the_order_of_what_they_predict(desk, tmp_path):
    space, model = desk.space, tmp_path / "toy"
    space.save_pretrained(model)
    x, values = space.pooled(space.encode(toy_texts(50))).numpy(), np.arange(1.0, 51)
    heads = {
        "age": RidgeHead().fit(x, values),
        "clicks": RidgeHead(scale="logit").fit(x, values / 60),
        "kind": LogisticHead().fit(x, np.where(values > 25, "a", "b")),
        "likes": RidgeHead(scale="log1p").fit(x, values),
        "shares": NegativeBinomialHead().fit(x, values),
    }
    for name, head in heads.items():
        save_head(head, model / "heads" / name, name=name, space=space.fingerprint)
    found = {control.name: type(control) for control in controls_of(LatentSpace.from_pretrained(model), [])}
    assert list(found) == ["likes", "shares", "clicks", "age", "kind"]
    assert list(found.values()) == [Times, Times, Times, Value, OneOf]


def test_a_direction_in_this_folder_does_not_take_the_place_of_the_models(desk, tmp_path, monkeypatch):
    brisk = desk.controls["brisk"].direction
    Direction(-brisk.vector, name="brisk", space=brisk.space).save_pretrained(tmp_path / "brisk.safetensors")
    monkeypatch.chdir(tmp_path)
    found = {control.name: control for control in controls_of(desk.space, [])}
    assert found["brisk"].direction.vector.equal(brisk.vector)


def test_which_words_are_forbidden_is_found_out_once_for_equal_constraints(desk):
    first = desk.editor(Asked({"likes": 3}), TEXT)
    first.edit([TEXT])
    assert desk.editor(Asked({"brisk": 1}), TEXT)._walked is first._walked is not None
    kept = desk.editor(Asked({"brisk": 1}, words=["warm bread"]), TEXT)
    assert last(desk.edits(Asked({"brisk": 1}, words=["warm bread"]), TEXT)) == kept.edit([TEXT])[0]


def test_a_direction_brings_its_reader_and_its_strength(desk):
    reader = fit_style_reader(["send it now", "give it", "do it", "move"], ["please send it", "thanks a lot"] * 2)
    brisk = desk.controls["brisk"]
    assert brisk.readers() == {}
    step = Direction(brisk.direction.vector, name="polite", space="", strength=1.5, reader=reader)
    assert Strength(step).readers() == {"polite": reader}
    assert Strength(step).first == 1.5
    assert Strength(Direction(step.vector, name="far", space="", strength=7.0)).first == 2.0


def test_a_page_needs_a_wish(desk):
    with pytest.raises(LatentoptError, match="choose what shall change"):
        desk.editor(Asked(), TEXT)


@pytest.mark.parametrize(
    ("answers", "name"), [({"likes": 3}, "likes"), ({"tone": "warm"}, "tone=warm"), ({"brisk": 1}, "brisk")]
)
def test_edits_are_better_by_what_was_asked(desk, answers, name):
    edit = last(desk.edits(Asked(answers), TEXT))
    assert edit.candidates
    assert edit.candidates[0].realised[name].value > edit.predicted[name].value


def test_first_edits_cost_little_and_are_replaced(desk):
    editor = desk.editor(Asked({"likes": 3}), TEXT)
    first, *_, last = desk.edits(Asked({"likes": 3}), TEXT)
    assert first == editor.set_params(effort=desk.glance).edit([TEXT])[0]
    assert last == editor.set_params(effort=desk.effort).edit([TEXT])[0] == desk.edit(Asked({"likes": 3}), TEXT)
    assert desk.glance.rows < desk.effort.rows


def test_what_was_shown_does_not_vanish(desk):
    lame = Effort(tries=1, rows=1, scored=0)
    hasty = Desk(desk.space, floors=desk.floors, glance=desk.effort, effort=lame)
    edits = list(hasty.edits(Asked({"likes": 3}), TEXT))
    assert edits[0].candidates
    assert edits[-1].candidates


def test_what_is_kept_stays_and_lengths_hold(desk):
    edits = list(desk.edits(Asked({"likes": 5}, words=["warm bread", "/"], length=len(TEXT)), TEXT))
    assert edits[-1].candidates
    for edit in edits:
        for candidate in edit.candidates:
            assert "warm bread" in candidate.text
            assert len(candidate.text) <= len(TEXT)


def test_slashes_make_no_regular_expression_of_a_visitors(desk):
    editor = desk.editor(Asked({"likes": 5}, words=["/(a+)+$/"]), TEXT)
    patterns = [c.pattern.pattern for c in editor.constraints if isinstance(c, KeepWords)]
    assert patterns == [r"(?<!\w)(?:\(a\+\)\+\$)(?!\w)"]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"fame": 2}, "fame: there is no such property; known: likes, tone, brisk"),
        ({"likes": 1e9}, "likes: the value must be a number from 1 to 10, got 1000000000.0"),
        ({"likes": None}, "likes: the value must be a number from 1 to 10, got None"),
        ({"brisk": "nan"}, "brisk: the value must be a number from -2 to 2, got nan"),
        ({"likes": "many"}, "likes: the value must be a number"),
        ({"tone": "blue"}, "tone: choose one of cold, warm; got blue"),
        ({"tone": None}, "tone: choose one of cold, warm; none is chosen"),
        ({"brisk": 0}, "brisk: a strength of 0 changes nothing"),
    ],
)
def test_a_client_may_send_anything(desk, answers, message):
    with pytest.raises(LatentoptError, match=message):
        desk.editor(Asked(answers), TEXT)


def test_limits(desk, tmp_path):
    with pytest.raises(LatentoptError, match="write a text first"):
        desk.editor(Asked({"likes": 2}), "  ")
    with pytest.raises(LatentoptError, match=r"texts of up to 1,000 characters, got 1,001"):
        desk.editor(Asked({"likes": 2}), "x" * (MOST_CHARACTERS + 1))
    with pytest.raises(LatentoptError, match="an edit has 1 character or more, got 0"):
        Asked(length=0)
    with pytest.raises(LatentoptError, match="can be kept by name"):
        Asked(words=["a"] * 21)
    file = tmp_path / "many.txt"
    file.write_text("text\n" * (MOST_ROWS + 1))
    with pytest.raises(LatentoptError, match="files of 1 to 500 texts, got 501"):
        texts_to_edit(str(file), "text")


@pytest.mark.parametrize("name", ["likes", "brisk"])
def test_a_sweep_climbs_the_ladder(desk, name):
    rungs = list(desk.sweep(name, Asked({"tone": "warm"}), TEXT))
    assert [rung.asked for rung in rungs] == desk.controls[name].ladder
    assert any(rung.text != TEXT for rung in rungs)


def test_classes_cannot_be_swept(desk):
    with pytest.raises(LatentoptError, match="tone has classes and no strengths"):
        list(desk.sweep("tone", Asked(), TEXT))


def test_a_way_has_both_ends_as_they_are_and_the_models_texts_between(desk):
    other = "her brother paints small boats"
    way = desk.between(TEXT, other)
    assert (way[0], way[-1]) == (TEXT, other)
    assert way[1:-1] == desk.space.interpolate([TEXT], [other], steps=11)[0][1:-1]


def test_what_a_text_has_of_each_kind():
    found = stays("Thank you @anna and Tom Hill for 3 loaves #bread https://example.org/a 🎉")
    assert found == {
        "links": ["https://example.org/a"],
        "mentions": ["@anna"],
        "hashtags": ["#bread"],
        "numbers": ["3"],
        "emoji": ["🎉"],
        "names": ["Tom", "Hill"],
    }


def test_folders_archives_and_what_is_not_there_are_no_files(tmp_path):
    (tmp_path / "others.txt").write_text("what another person gave\n")
    (tmp_path / "bomb.csv.gz").write_bytes(b"")
    for path in (tmp_path, tmp_path / "bomb.csv.gz", tmp_path / "none.csv", tmp_path / "*.txt"):
        with pytest.raises(LatentoptError, match="the page takes files whose names end in"):
            texts_to_edit(str(path), "text")

"""Values that the page's parts are given, without a browser."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path
from threading import current_thread

import pytest

from latentopt.editing.edit import Candidate, Edit, Estimate, changes_between
from latentopt.errors import LatentoptError
from latentopt.web import cards
from latentopt.web.desk import KEPT, MOST_CHARACTERS
from tests.toy import toy_texts

pytest.importorskip("gradio", reason="the page needs Gradio: pip install 'latentopt[app]'")

import gradio as gr

from latentopt.web.handlers import SHOWN, Handlers
from latentopt.web.line import Line, Wanted

TEXT = "the old baker sells warm bread"
FIELDS = [["likes"], KEPT, "", 0, 4.0, None, 1.0]  # wished, kept, words, length, likes, tone, brisk


@pytest.fixture(scope="module")
def do(desk, corpus):
    return Handlers(desk, corpus, Line().in_background())


def made(source, *texts, low=50.0, high=400.0):
    """An edit into texts, whose value is 200 where it was 100."""
    candidates = [
        Candidate(
            text=text,
            changes=changes_between(source, text),
            changed=0.2,
            realised={"likes": Estimate(200.0, low, high)},
            promised={"likes": 300.0},
            read={"likes": 150.0},
            agrees=True,
            meaning=0.9,
            similarity=0.8,
            fluency=0.0,
            typicality=0.5,
            loss=0.1,
            acceptability=0.9,
        )
        for text in texts
    ]
    status = "improved" if texts else "none_better"
    return Edit(source, {"likes": Estimate(100.0, 25.0, 200.0)}, {"likes": 120.0}, candidates, status, False, "so & so")


def last(steps):
    *_, found = steps
    return found


def test_the_first_edits_come_before_the_last(do):
    steps = list(do.write(TEXT, Wanted(), *FIELDS))
    assert "Writing" in steps[0][0]
    assert len(steps) >= 1 + 2 + 1  # a word, first edits, better ones, the verdict
    assert "Looking for better ones" in steps[1][0]
    assert steps[-1][1] == list(do.desk.edits(do.asked(*FIELDS), TEXT))[-1]
    assert {len(step) for step in steps} == {2 + 2 * SHOWN + 1}


class Crowd(Line):
    """A line in which somebody always waits; `asked` is how often somebody let others go first."""

    waiting, asked = 1, 0

    def _let_others_go_first(self, wanted):
        self.asked += 1


def test_where_others_wait_the_first_edits_are_all(desk, do):
    *_, last = Handlers(desk, None, Crowd().in_background()).write(TEXT, Wanted(), *FIELDS)
    first = next(desk.edits(do.asked(*FIELDS), TEXT))
    assert last[1] == first
    assert "Others are waiting" in last[0]
    assert "Others are waiting" not in list(do.write(TEXT, Wanted(), *FIELDS))[-1][0]


def test_where_others_wait_who_has_none_gets_one_round(desk, do, monkeypatch):
    first = next(desk.edits(do.asked(*FIELDS), TEXT))
    none = replace(first, candidates=[])
    monkeypatch.setattr(desk, "edits", lambda *_: iter([none, none, first]))
    *_, last = Handlers(desk, None, Crowd().in_background()).write(TEXT, Wanted(), *FIELDS)
    assert last[1] is none
    assert "Others are waiting" in last[0]
    monkeypatch.setattr(desk, "edits", lambda *_: iter([none, first]))
    *_, last = Handlers(desk, None, Crowd().in_background()).write(TEXT, Wanted(), *FIELDS)
    assert last[1] is first
    assert "Others are waiting" not in last[0]


class LateCrowd(Crowd):
    """Others come when the first edits are shown."""

    looked = 0

    @property
    def waiting(self):
        self.looked += 1
        return self.looked - 1


def test_who_comes_later_cuts_nothing_off(desk, do):
    *_, last = Handlers(desk, None, LateCrowd().in_background()).write(TEXT, Wanted(), *FIELDS)
    assert last[1] == list(desk.edits(do.asked(*FIELDS), TEXT))[-1]
    assert "Others are waiting" not in last[0]


def test_an_error_on_the_way_keeps_the_edits_that_are_shown(desk, do, monkeypatch):
    first = next(desk.edits(do.asked(*FIELDS), TEXT))

    def broken(*_):
        yield first
        raise LatentoptError("it broke <here>")

    monkeypatch.setattr(desk, "edits", broken)
    *_, last = do.write(TEXT, Wanted(), *FIELDS)
    assert "it broke &lt;here&gt;" in last[0]
    assert last[1] is first
    assert first.candidates[0].changes
    assert "edited" in last[2 + SHOWN]


def test_long_requests_let_others_go_first_before_each_text(desk, tmp_path):
    crowded = Handlers(desk, None, Crowd().in_background())
    file = tmp_path / "posts.csv"
    file.write_text("text\n" + "\n".join(toy_texts(3)))
    list(crowded.file(str(file), "text", Wanted(), *FIELDS))
    assert crowded.line.asked == 3
    list(crowded.draw(str(file), "text", "", Wanted(), "", [], None))
    assert crowded.line.asked == 3 + 2
    list(crowded.sweep("brisk", TEXT, Wanted(), *FIELDS))
    assert crowded.line.asked == 3 + 2 + 5


def test_the_model_works_in_one_thread(do, monkeypatch, tmp_path):
    """Whoever asks from whichever thread: torch keeps memory for each thread that it has worked in."""
    seen = set()
    encode = type(do.desk.space).encode

    def seen_encode(self, *args, **kwargs):
        seen.add(current_thread())
        return encode(self, *args, **kwargs)

    monkeypatch.setattr(type(do.desk.space), "encode", seen_encode)
    file = tmp_path / "posts.csv"
    file.write_text("text\n" + "\n".join(toy_texts(3)))
    list(do.write(TEXT, Wanted(), *FIELDS))
    list(do.file(str(file), "text", Wanted(), *FIELDS))
    list(do.sweep("brisk", TEXT, Wanted(), *FIELDS))
    list(do.draw(str(file), "text", "", Wanted(), TEXT, [], None))
    list(do.between(TEXT, "her brother paints small boats", Wanted()))
    assert seen == {do.line.work(Wanted(), current_thread)}


def test_no_wish_is_an_answer_in_words(do):
    *_, last = do.write(TEXT, Wanted(), [], *FIELDS[1:])
    assert "choose what shall change" in last[0]
    assert last[1] is None


def test_only_what_is_chosen_is_asked_for_and_shown(do):
    assert do.asked(*FIELDS).answers == {"likes": 4.0}
    assert do.asked(["brisk"], *FIELDS[1:]).answers == {"brisk": 1.0}
    assert [update["visible"] for update in do.chosen(["tone", "brisk"])] == [False, True, True]


def test_a_length_of_0_is_any(do):
    assert do.asked(*FIELDS).length is None
    assert do.asked(["likes"], KEPT, "", 70.0, 4.0, None, 1.0).length == 70


def test_where_nothing_is_better_it_says_why(do):
    edit = made(TEXT)
    assert "Nothing better:</strong> so &amp; so" in cards.verdict(edit)
    assert cards.verdict(edit).endswith("For your text as it stands: likes 100.")
    assert cards.verdict(edit, ["likes"]).endswith("so &amp; so.")


def test_words_that_are_new_and_gone_are_marked_and_texts_are_no_html(do):
    (candidate,) = made("a <b> is here", "a <i> is here").candidates
    assert cards.marked(candidate) == f"a &lt;{cards.GONE.format('b')}<mark>i</mark>&gt; is here"
    (shorter,) = made("<all> of it is so late", "it is late").candidates
    gone, also_gone = cards.GONE.format("&lt;all&gt; of"), cards.GONE.format("so")
    assert cards.marked(shorter) == f"{gone} it is {also_gone} late"
    (ended,) = made("leave it here", "leave it.").candidates
    assert cards.marked(ended) == f"leave it {cards.GONE.format('here')}<mark>.</mark>"
    (asked,) = made("leave it!", "leave it?").candidates
    assert cards.marked(asked) == f"leave it{cards.GONE.format('!')}<mark>?</mark>"
    assert "gone: " in cards.GONE  # screen readers pass over what is struck through
    html = cards.card(made("one & two", "one & <script>"), made("one & two", "one & <script>").candidates[0])
    assert "<script>" not in html


def test_a_card_says_value_interval_second_opinion_meaning_and_fluency(do):
    edit = made("the cat sat", "the dog sat")
    html = cards.card(edit, edit.candidates[0])
    assert "likes <strong>200</strong>, before 100 (nine of ten: 50 to 400)" in html
    assert "second opinion: 150, before 120" in html
    assert "meaning kept 90% · fluency as usual · acceptability good · cat → dog" in html


@pytest.mark.parametrize(("low", "high"), [(50.0, 400.0), (None, None), (200.0, 200.0)])
def test_bars_stay_within_their_picture(low, high):
    html = cards.bar(Estimate(100.0, low, high), Estimate(200.0, low, high))
    places = [float(part.split('"')[0]) for part in html.replace("cx", "x1").split('x1="')[1:]]
    assert places
    assert all(0 <= place <= cards.WIDTH for place in places)


def test_taken_texts_can_be_undone(do):
    edit = made("one two", "one three", "one four")
    text, trail, *_ = do.take(1)(edit, [], "one two")
    assert (text, trail) == ("one four", ["one two"])
    text, trail, *_ = do.undo(trail, text)
    assert (text, trail) == ("one two", [])
    assert do.undo(trail, text)[0] == "one two"
    assert do.take(2)(edit, [], "one two")[0] == "one two"  # there is no third


def test_csv_has_a_row_for_each_edit_and_for_each_text_without(do):
    button = do.filed([made("one two", "one three", "one four"), made("five six")])
    rows = list(csv.DictReader(Path(button.value["path"]).read_text().splitlines()))
    assert [(row["source"], row["text"], row["place"]) for row in rows] == [
        ("one two", "one three", "1.0"),
        ("one two", "one four", "2.0"),
        ("five six", "", ""),
    ]
    assert rows[0]["likes"] == "200.0"
    assert rows[0]["likes second opinion"] == "150.0"
    assert rows[0]["acceptability"] == "0.9"


def test_files_to_download_are_forgotten(do):
    do.filed([made("one two", "one three")])
    kept = [folder for folder in Path(do._folder.name).iterdir() if folder.is_dir()]
    assert kept
    for folder in kept:
        os.utime(folder, (0, 0))
    do.filed([made("one two", "one three")])
    assert not any(folder.exists() for folder in kept)


def test_small_shares_use_the_whole_bar_and_probabilities_all_of_it():
    share = cards.bar(Estimate(0.012, 0.005, 0.03), Estimate(0.013, 0.005, 0.03))
    probability = cards.bar(Estimate(0.012), Estimate(0.013))
    places = [[float(part.split('"')[0]) for part in bar.split('cx="')[1:]] for bar in (share, probability)]
    assert places[0][1] - places[0][0] > 5 > places[1][1] - places[1][0]


def test_only_what_has_an_interval_shows_one():
    assert 'class="interval"' in cards.bar(Estimate(1.0, 0.5, 2.0), Estimate(2.0, 1.0, 3.0))
    assert 'class="interval"' not in cards.bar(Estimate(0.2), Estimate(0.4))


def test_chips_name_what_is_found(do):
    chips = do.chips("@anna @bob @cem @dora bake")
    assert {value: label for label, value in chips.choices}["mentions"] == "mentions: @anna, @bob, @cem, …"


def traces(plotted):
    """What a plot that is shown shows."""
    assert plotted["visible"]
    return json.loads(plotted["value"].plot)["data"]


def test_a_map_of_the_corpus_is_drawn_once_and_coloured_by_any_name(do):
    said, drawn, colours, plotted, near = last(do.draw(None, "text", "", Wanted(), TEXT, [], None))
    assert "40 texts" in said
    assert [value for _, value in colours.choices] == ["seen", "likes", "tone=warm", "brisk"]
    texts, path = traces(plotted)
    assert len(texts["x"]) == 40
    assert len(path["x"]) == 1
    assert near.count("<li>") == 5
    assert last(do.draw(None, "text", "", Wanted(), "", [], None))[1] is drawn
    again, _ = do.coloured(drawn, "likes", TEXT, [], None)
    assert traces(again)[0]["marker"]["color"] != texts["marker"]["color"]


def test_a_text_that_is_too_long_leaves_the_map_and_is_told(do):
    drawn = last(do.draw(None, "text", "", Wanted(), "", [], None))[1]
    plotted, near = do.coloured(drawn, "likes", "x" * (MOST_CHARACTERS + 1), [], None)
    (texts,) = traces(plotted)
    assert len(texts["x"]) == 40
    assert "characters" in near


def test_what_is_pointed_at_is_no_html(do, tmp_path):
    file = tmp_path / "posts.txt"
    file.write_text("\n".join(["<img src=x onerror=alert(1)>", *toy_texts(5)]))
    plotted = last(do.draw(str(file), "text", "", Wanted(), "", [], None))[3]
    assert "<img" not in plotted["value"].plot


def test_a_map_without_texts_says_what_to_do(desk):
    drawing = Handlers(desk, None, Line().in_background()).draw(None, "text", "", Wanted(), "", [], None)
    assert "give a file" in last(drawing)[0]


def test_a_sweep_grows_point_by_point(do):
    steps = list(do.sweep("brisk", TEXT, Wanted(), *FIELDS))
    drawn = [traces(step[1]) for step in steps if step[1]["visible"]]
    assert [len(lines[0]["x"]) for lines in drawn] == [1, 2, 3, 4, 4]
    assert len(drawn[-1]) == 3
    assert steps[-1][2].count("<tr>") == 5


def test_the_slider_shows_the_text_at_its_place(do):
    _, way, slider, here, listed = last(do.between(TEXT, "her brother paints small boats", Wanted()))
    assert len(way) == 11
    assert slider.value == 5
    assert cards.escape(way[5]) in here
    assert listed.count("<li>") == 11
    assert do.step(way, 99) == ""
    assert "write a text first" in last(do.between(TEXT, "", Wanted()))[0]


def test_files_are_edited_row_by_row(do, tmp_path):
    file = tmp_path / "posts.csv"
    file.write_text("post\n" + "\n".join(toy_texts(3)))
    steps = list(do.file(str(file), "post", Wanted(), *FIELDS))
    assert [len(step[1]) for step in steps] == [0, 1, 2, 3]
    assert '<progress value="1" max="3"' in steps[1][0]
    assert "of 3 texts are better" in steps[-1][0]
    assert isinstance(steps[-1][3], gr.DownloadButton)
    assert "give a file first" in list(do.file(None, "post", Wanted(), *FIELDS))[-1][0]


def test_a_row_that_is_too_long_is_left_out_and_the_others_are_edited(do, tmp_path):
    file = tmp_path / "posts.csv"
    first, last = toy_texts(2)
    file.write_text("\n".join(["text", first, "x" * (MOST_CHARACTERS + 1), last]))
    said, done, _, button = list(do.file(str(file), "text", Wanted(), *FIELDS))[-1]
    assert "Left out: 1; the first is row 2: the page takes texts of up to 1,000 characters" in said
    assert [edit.source for edit in done[::2]] == [first, last]
    rows = list(csv.DictReader(Path(button.value["path"]).read_text().splitlines()))
    assert {row["row"]: row["reason"] for row in rows}["2"].startswith("the page takes texts")


def test_a_wish_that_cannot_be_ends_a_file_at_once(do, tmp_path):
    file = tmp_path / "posts.csv"
    file.write_text("text\n" + "\n".join(toy_texts(3)))
    assert "choose what shall change" in list(do.file(str(file), "text", Wanted(), [], *FIELDS[1:]))[-1][0]


class Impatient(Wanted):
    """Not wanted any more when it has been asked for the third time since it was told so."""

    asked = None

    def check(self):
        if self.asked is not None:
            self.asked += 1
            self.still = self.asked < 3
        super().check()


WORKS = {
    "write": lambda do, wanted, file: do.write(TEXT, wanted, *FIELDS),
    "draw": lambda do, wanted, file: do.draw(file, "text", "", wanted, TEXT, [], None),
    "sweep": lambda do, wanted, file: do.sweep("brisk", TEXT, wanted, *FIELDS),
    "between": lambda do, wanted, file: do.between(TEXT, "her brother paints small boats", wanted),
    "file": lambda do, wanted, file: do.file(file, "text", wanted, *FIELDS),
}


@pytest.mark.parametrize("work", WORKS)
def test_a_stop_ends_a_work_in_the_midst_of_a_step(do, work, tmp_path):
    before = last(do.write(TEXT, Wanted(), *FIELDS))[1]
    file, wanted = tmp_path / "posts.csv", Impatient()
    file.write_text("text\n" + "\n".join(toy_texts(3)))
    steps = WORKS[work](do, wanted, str(file))
    next(steps)
    wanted.asked = 0
    assert list(steps) == []  # nothing is said on the way any more
    assert wanted.asked == 3  # and no further layer has computed
    assert last(do.write(TEXT, Wanted(), *FIELDS))[1] == before  # what comes next is as if that had not been


def test_a_stop_is_told_at_the_end_and_only_then(do):
    wanted, edit = Wanted(), made("one two", "one three")
    assert do.stopped(wanted, edit) == do.map_stopped(wanted) == do.sweep_stopped(wanted) == gr.skip()
    assert do.between_stopped(wanted) == gr.skip()
    assert do.file_stopped(wanted, [edit]) == [gr.skip(), gr.skip()]
    do.stop(wanted)
    assert "Stopped. <strong>Nearer" in do.stopped(wanted, edit)
    assert "Stopped." in do.map_stopped(wanted)
    assert "Stopped." in do.sweep_stopped(wanted)
    assert "Stopped." in do.between_stopped(wanted)
    said, button = do.file_stopped(wanted, [edit])
    assert "Stopped after 1 texts" in said
    assert button.visible


def test_a_stop_just_before_a_work_begins_is_told(do):
    """Gradio closes what it cancels."""
    wanted = Wanted()
    do.stop(wanted)
    steps = do.write(TEXT, wanted, *FIELDS)
    next(steps)
    steps.close()
    assert do.stopped(wanted, None) == "<p>Stopped.</p>"
    list(do.write(TEXT, wanted, [], *FIELDS[1:]))  # which ends with an error in words
    assert do.stopped(wanted, None) == gr.skip()


def test_what_was_stopped_can_be_asked_for_again(do):
    wanted = Wanted()
    do.stop(wanted)
    assert len(list(do.sweep("brisk", TEXT, wanted, *FIELDS))) == 1 + 4 + 1

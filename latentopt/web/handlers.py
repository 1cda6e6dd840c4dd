"""What happens when a field or button of the page is used: a desk's answers as values of the page's parts."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr
import pandas
import torch
from gradio.components.plot import PlotData

from latentopt.cli.editing import digits
from latentopt.editing import Edit
from latentopt.errors import LatentoptError
from latentopt.tables import Table, write_table
from latentopt.web import cards, figures
from latentopt.web.controls import Strength
from latentopt.web.desk import KEPT, MOST_CHARACTERS, Asked, Desk, Rung, one_file, one_text, stays, texts_to_edit
from latentopt.web.line import Line
from latentopt.web.maps import Map, draw_map, read_corpus

SHOWN = 3  # edits at most
PREVIEW = 50  # rows of a file that are shown
FORGET = 3600  # seconds after which a file to download is deleted
FIRST_FEW = 3  # finds of a kind that a chip names

Values = list[Any]  # one for each output of an event


class Handlers:
    """Functions of the page's events. What belongs to one person travels through arguments and results.

    Args:
        desk: does the work. corpus: of the map, see `latentopt.web.maps.read_corpus`. line: who waits.
    """

    welcome = "Write a text, say what it shall become, and press “Write edits”."

    def __init__(self, desk: Desk, corpus: Table | None, line: Line) -> None:
        self.desk = desk
        self.corpus = corpus
        self.line = line
        self._drawn: Map | None = None  # of the corpus: the same for all
        self._folder = TemporaryDirectory(prefix="latentopt-")  # of the files to download

    def asked(
        self, wished: Sequence[str], kept: Sequence[str], words: str | None, length: float | None, *answers: Any
    ) -> Asked:
        """What the fields of the page ask for, in their order."""
        split = [word.strip() for word in (words or "").split(",") if word.strip()]
        named = {name: answer for name, answer in zip(self.desk.controls, answers, strict=True) if name in wished}
        return Asked(named, kept, split, int(length) if length else None)

    def chosen(self, wished: Sequence[str]) -> Values:
        """The controls: those whose names are chosen are seen."""
        return [gr.update(visible=name in wished) for name in self.desk.controls]

    def chips(self, text: str) -> Any:
        """The chips under a text, which say what of each kind it has."""
        found = stays((text or "")[:MOST_CHARACTERS])
        return gr.CheckboxGroup(choices=[(_chip(kind, found[kind]), kind) for kind in KEPT])

    # Edits

    def write(self, text: str, *fields: Any) -> Iterator[Values]:
        """Edits of a text, the first of them while the rest is written; where others wait by then, those are all."""
        yield [_said("Writing; the first edits come in some seconds."), None, *_nothing()]
        edit, more = None, ""
        try:
            for number, edit in enumerate(self.line.steps(self.desk.edits(self.asked(*fields), text))):
                if number == 0 and self.line.waiting:
                    more = " Others are waiting, so it ends with what was found at first."
                    break
                yield [_said(f"{_so_far(edit)} Looking for better ones…"), edit, *self._shown(edit)]
        except LatentoptError as error:
            yield [_failed(error), edit, *(_nothing() if edit is None else self._shown(edit))]
            return
        if edit is not None:
            yield [_said(self._verdict(edit) + more), edit, *self._shown(edit)]

    def _verdict(self, edit: Edit) -> str:
        directions = [name for name, control in self.desk.controls.items() if isinstance(control, Strength)]
        return cards.verdict(edit, directions)

    def stopped(self, edit: Edit | None) -> str:
        """What is said after a stop."""
        return _said("Stopped." if edit is None else f"Stopped. {self._verdict(edit)}")

    def take(self, place: int) -> Callable[[Edit | None, list[str], str], Values]:
        """The function that goes on from the edit at a place."""

        def taken(edit: Edit | None, trail: list[str], text: str) -> Values:
            if edit is None or place >= len(edit.candidates):
                return [text, trail, _said("There is no such edit."), edit, *_nothing()]
            said = _said("This is your text now; “Undo” takes it back.")
            return [edit.candidates[place].text, [*trail, edit.source], said, None, *_nothing()]

        return taken

    def undo(self, trail: list[str], text: str) -> Values:
        """The text before the last edit that was taken."""
        if not trail:
            return [text, trail, _said("There is nothing to undo."), None, *_nothing()]
        return [trail[-1], trail[:-1], _said("Undone."), None, *_nothing()]

    # Map

    def draw(
        self,
        path: str | None,
        column: str,
        numbers: str,
        text: str,
        trail: list[str],
        edit: Edit | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (Gradio finds it by its default)
    ) -> Values:
        """The map of a file, or of the corpus, and one's text on it."""

        def told(done: int, total: int) -> None:
            progress((done, total), desc="encoding", unit="texts")

        try:
            drawn = self.line.work(self._map, path, column, numbers, told)
        except LatentoptError as error:
            return [_failed(error), None, gr.Dropdown(), None, ""]
        names = list(drawn.values)
        return [
            _said(
                f"{len(drawn.texts):,} texts; point at one to read it. Ring: your text; diamonds: what became of it."
            ),
            drawn,
            gr.Dropdown(choices=names, value=names[0], visible=True),
            *self.coloured(drawn, names[0], text, trail, edit),
        ]

    def coloured(self, drawn: Map | None, colour: str, text: str, trail: list[str], edit: Edit | None) -> Values:
        """The same map in another colour, and the texts nearest to one's own."""
        if drawn is None or colour not in drawn.values:
            return [None, ""]
        path = [*trail, text] if text and text.strip() else list(trail)
        if edit is not None and edit.source == text and edit.candidates:
            path.append(edit.text)
        path = [one_text(step) for step in path]
        space = self.desk.space
        points = self.line.work(drawn.place, space, path) if path else torch.zeros(0, 2)
        near = (
            f"<h2>Nearest to yours</h2>{cards.listed(self.line.work(drawn.nearest, space, path[-1]), first=1)}"
            if path
            else ""
        )
        return [_plotted(figures.map_figure(drawn, colour, points, path)), near]

    def _map(self, path: str | None, column: str, numbers: str, progress: Callable[[int, int], None]) -> Map:
        controls = self.desk.controls.values()
        if path is not None:
            corpus = read_corpus(one_file(path), (column or "").strip() or "text", (numbers or "").strip())
            return draw_map(self.desk.space, corpus, controls, progress)
        if self.corpus is None:
            raise LatentoptError("a map needs texts; give a file of them")
        if self._drawn is None:
            self._drawn = draw_map(self.desk.space, self.corpus, controls, progress)
        return self._drawn

    # Sweep

    def sweep(self, name: str, text: str, *fields: Any) -> Iterator[Values]:
        """Edits at rising strengths, one after the other."""
        rungs: list[Rung] = []
        yield [_said("Writing the first edit…"), None, ""]
        try:
            self.line.let_others_go_first()
            for rung in self.line.steps(self.desk.sweep(name, self.asked(*fields), text)):
                rungs.append(rung)
                yield [_said(f"Strength {rung.asked:g} is done…"), *_swept(name, rungs)]
                self.line.let_others_go_first()
        except LatentoptError as error:
            yield [_failed(error), None, ""]
            return
        yield [_said("Done."), *_swept(name, rungs)]

    # Between

    def between(self, text: str, other: str) -> Values:
        """The way from one's text to another."""
        try:
            way = self.line.work(self.desk.between, text, other)
        except LatentoptError as error:
            return [_failed(error), [], gr.Slider(interactive=False), "", ""]
        middle = len(way) // 2
        return [
            _said("Both ends are as you wrote them; what lies between, the model writes from latents alone."),
            way,
            gr.Slider(value=middle, interactive=True),
            self.step(way, middle),
            cards.listed(way),
        ]

    def step(self, way: list[str], place: float) -> str:
        """The text at a place on the way."""
        return f'<p class="edited">{escape(way[int(place)])}</p>' if 0 <= place < len(way) else ""

    # File

    def file(self, path: str | None, column: str, *fields: Any) -> Iterator[Values]:
        """Edits of a file's texts, one after the other; a text that cannot be edited is left out, and it says why."""
        done: list[Edit] = []
        left_out: list[str] = []
        try:
            if path is None:
                raise LatentoptError("give a file first")
            texts = texts_to_edit(path, (column or "").strip() or "text")
            asked = self.asked(*fields)
            self.line.work(self.desk.editor, asked, "a")  # what is wrong with a wish is so for all texts
            for place, text in enumerate(texts):
                # Hidden once: what is said on the way may reach the browser after a stop has shown the button.
                button = gr.skip() if place else gr.DownloadButton(visible=False)
                yield [_counted(place, len(texts)), done, _preview(done), button]
                self.line.let_others_go_first()
                try:
                    edit = self.line.work(self.desk.edit, asked, text)
                except LatentoptError as error:
                    left_out.append(f"row {place + 1}: {error}")
                    edit = Edit(text, {}, {}, [], "none_better", False, str(error))
                done = [*done, edit]
        except LatentoptError as error:
            yield [_failed(error), done, _preview(done), self.filed(done)]
            return
        better = sum(bool(edit.candidates) for edit in done)
        said = f"Done: {better:,} of {len(done):,} texts are better."
        if left_out:
            said += f" Left out: {len(left_out):,}; the first is {escape(left_out[0])}."
        yield [_said(said), done, _preview(done), self.filed(done)]

    def file_stopped(self, done: list[Edit]) -> Values:
        """What is said after a stop, and the rows that were done."""
        return [_said(f"Stopped after {len(done):,} texts."), self.filed(done)]

    def filed(self, done: list[Edit]) -> Any:
        """The button that downloads what was done."""
        return gr.DownloadButton(value=self._csv(done), visible=True) if done else gr.DownloadButton(visible=False)

    def _csv(self, edits: Sequence[Edit]) -> str:
        """A new csv file: a row for each candidate, and one for a text that has none."""
        for old in Path(self._folder.name).iterdir():  # Gradio has its own copy of each
            with contextlib.suppress(FileNotFoundError):  # another thread may tidy, too
                if old.stat().st_mtime < time.time() - FORGET:
                    shutil.rmtree(old, ignore_errors=True)
        path = Path(tempfile.mkdtemp(dir=self._folder.name)) / "edits.csv"
        rows = [{"row": number} | row for number, edit in enumerate(edits, 1) for row in _rows(edit)]
        write_table(pandas.DataFrame(rows), path)
        return str(path)

    def _shown(self, edit: Edit) -> Values:
        found = [cards.card(edit, candidate) for candidate in edit.candidates[:SHOWN]]
        if not found:
            return _nothing()
        blank = SHOWN - len(found)
        return [
            *[gr.Column(visible=True)] * len(found),
            *[gr.Column(visible=False)] * blank,
            *found,
            *[""] * blank,
            gr.DownloadButton(value=self._csv([edit]), visible=True),
        ]


def _chip(kind: str, found: list[str]) -> str:
    if not found:
        return kind
    return f"{kind}: {', '.join(found[:FIRST_FEW])}{', …' if len(found) > FIRST_FEW else ''}"


def _said(words: str) -> str:
    return f"<p>{words}</p>"


def _failed(error: LatentoptError) -> str:
    return f'<p class="failed">{escape(str(error))}</p>'


def _counted(done: int, total: int) -> str:
    label = f"{done:,} of {total:,} texts"
    return f'<p>{label} are done. <progress value="{done}" max="{total}" aria-label="{label}"></progress></p>'


def _so_far(edit: Edit) -> str:
    return f"{len(edit.candidates)} so far." if edit.candidates else "None so far."


def _nothing() -> Values:
    """No edits: columns, their HTML, and no download."""
    return [*[gr.Column(visible=False)] * SHOWN, *[""] * SHOWN, gr.DownloadButton(visible=False)]


def _rows(edit: Edit) -> list[dict[str, Any]]:
    """What is known of each candidate of an edit; of a text that has none, why."""
    found = []
    for place, candidate in enumerate(edit.candidates or [None], 1):
        row: dict[str, Any] = {"source": edit.source, "status": edit.status, "reason": edit.reason}
        row |= {f"{name} before": estimate.value for name, estimate in edit.predicted.items()}
        if candidate is not None:
            row |= {"place": place, "text": candidate.text}
            for name, estimate in candidate.realised.items():
                row |= {name: estimate.value, f"{name} low": estimate.low, f"{name} high": estimate.high}
            row |= {f"{name} second opinion": value for name, value in candidate.read.items()}
            row |= {"meaning": candidate.meaning, "fluency": candidate.fluency}
        found.append(row)
    return found


def _preview(done: Sequence[Edit]) -> str:
    if not done:
        return ""
    rows = [(edit.source, edit.text if edit.candidates else f"({edit.reason})") for edit in done[-PREVIEW:]]
    return cards.table(("text", "best edit"), rows)


def _swept(name: str, rungs: Sequence[Rung]) -> Values:
    rows = [(f"{r.asked:g}", digits(r.value), f"{r.meaning:.0%}", f"{r.fluency:+.2f}", r.text) for r in rungs]
    return [
        _plotted(figures.sweep_figure(name, rungs)),
        cards.table(("strength", name, "meaning kept", "fluency", "text"), rows),
    ]


def _plotted(figure: dict[str, Any]) -> PlotData:
    return PlotData(type="plotly", plot=json.dumps(figure))

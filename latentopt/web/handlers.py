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

from latentopt.cli.output import digits
from latentopt.editing import Edit
from latentopt.errors import LatentoptError
from latentopt.tables import Table, write_table
from latentopt.web import cards, figures
from latentopt.web.controls import Strength
from latentopt.web.desk import KEPT, MOST_CHARACTERS, Asked, Desk, Rung, one_file, one_text, stays, texts_to_edit
from latentopt.web.line import Line, Wanted
from latentopt.web.maps import Map, draw_map, encoded, read_corpus

SHOWN = 3  # edits at most
PREVIEW = 50  # rows of a file that are shown
FORGET = 3600  # seconds after which a file to download is deleted
FIRST_FEW = 3  # finds of a kind that a chip names
NO_PLOT = gr.update(value=None, visible=False)  # an empty one has a label that axe-core finds wrong

Values = list[Any]  # one for each output of an event


class Handlers:
    """Functions of the page's events. What belongs to one person travels through arguments and results.

    What works and what stops it share a `Wanted`, and not what they say: what was said on the way may reach a browser
    after the answer to a click. So a stop is told last, when the work has ended.

    Args:
        desk: does the work. corpus: of the map, see `latentopt.web.maps.read_corpus`. line: who waits.
    """

    welcome = "Write a text, say what it shall become, and press “Write edits”."

    def __init__(self, desk: Desk, corpus: Table | None, line: Line) -> None:
        self.desk = desk
        self.corpus = corpus
        self.line = line
        desk.ask_at_each_layer(line.look)
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

    def stop(self, wanted: Wanted) -> None:
        """End what a tab was asked for."""
        wanted.still = False

    # Edits

    def write(self, text: str, wanted: Wanted, *fields: Any) -> Iterator[Values]:
        """Edits of a text, the first of them while the rest is written; where others wait by then, those are all.

        Where there are none at first, which says little, others wait for one round more.
        """
        with wanted.until_stopped():
            yield [_said("Writing; the first edits come in some seconds."), None, *_nothing()]
            edit, more = None, ""
            try:
                for number, edit in enumerate(self.line.steps(wanted, self.desk.edits(self.asked(*fields), text))):
                    enough = edit.candidates if number == 0 else not edit.candidates
                    if enough and self.line.waiting:
                        more = " Others are waiting, so it ends with what was found so far."
                        break
                    yield [_said(_so_far(edit)), edit, *self._shown(edit)]
            except LatentoptError as error:
                yield [_failed(error), edit, *(_nothing() if edit is None else self._shown(edit))]
                return
            if edit is not None:
                yield [_said(self._verdict(edit) + more), edit, *self._shown(edit)]

    def _verdict(self, edit: Edit) -> str:
        directions = [name for name, control in self.desk.controls.items() if isinstance(control, Strength)]
        return cards.verdict(edit, directions)

    def stopped(self, wanted: Wanted, edit: Edit | None) -> Any:
        """What is said at the end of a work that was stopped."""
        if not wanted.stopped:
            return gr.skip()
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
        wanted: Wanted,
        text: str,
        trail: list[str],
        edit: Edit | None,
    ) -> Iterator[Values]:
        """The map of a file, or of the corpus, and one's text on it."""
        with wanted.until_stopped():
            try:
                drawn = self._drawn if path is None else None
                if drawn is None:
                    corpus = self._corpus(path, column, numbers)
                    left = encoded(self.desk.space, corpus, self.desk.controls.values())
                    parts, done = [], 0
                    while done < len(corpus):
                        yield [_said(_counted(done, len(corpus))), *[gr.skip()] * 4]
                        parts.append(self.line.part(wanted, next, left))
                        done += len(parts[-1].z)
                    drawn = self.line.part(wanted, draw_map, self.desk.space, corpus, parts)
                if path is None:
                    self._drawn = drawn
                names = list(drawn.values)
                told = (
                    f"{len(drawn.texts):,} texts; point at one to read it. "
                    "Ring: your text; diamonds: what became of it."
                )
                colours = gr.Dropdown(choices=names, value=names[0], visible=True)
                yield [_said(told), drawn, colours, *self.coloured(drawn, names[0], text, trail, edit)]
            except LatentoptError as error:
                yield [_failed(error), None, gr.Dropdown(), NO_PLOT, ""]

    def map_stopped(self, wanted: Wanted) -> Any:
        """What is said at the end of a map that was stopped; what was drawn before stays."""
        return _said("Stopped.") if wanted.stopped else gr.skip()

    def coloured(self, drawn: Map | None, colour: str, text: str, trail: list[str], edit: Edit | None) -> Values:
        """The same map in another colour, and the texts nearest to one's own."""
        if drawn is None or colour not in drawn.values:
            return [NO_PLOT, ""]
        path = [*trail, text] if text and text.strip() else list(trail)
        if edit is not None and edit.source == text and edit.candidates:
            path.append(edit.text)
        try:
            path, near = [one_text(step) for step in path], ""
        except LatentoptError as error:
            path, near = [], _failed(error)
        space, wanted = self.desk.space, Wanted()
        points = self.line.work(wanted, drawn.place, space, path) if path else torch.zeros(0, 2)
        if path:
            nearest = self.line.work(wanted, drawn.nearest, space, path[-1])
            near = f"<h2>Nearest to yours</h2>{cards.listed(nearest, first=1)}"
        return [_plotted(figures.map_figure(drawn, colour, points, path)), near]

    def _corpus(self, path: str | None, column: str, numbers: str) -> Table:
        if path is not None:
            return read_corpus(one_file(path), (column or "").strip() or "text", (numbers or "").strip())
        if self.corpus is None:
            raise LatentoptError("a map needs texts; give a file of them")
        return self.corpus

    # Sweep

    def sweep(self, name: str, text: str, wanted: Wanted, *fields: Any) -> Iterator[Values]:
        """Edits at rising strengths, one after the other."""
        with wanted.until_stopped():
            rungs: list[Rung] = []
            yield [_said("Writing the first edit…"), NO_PLOT, ""]
            try:
                coming = self.desk.sweep(name, self.asked(*fields), text)
                while (rung := self.line.part(wanted, next, coming, None)) is not None:
                    rungs.append(rung)
                    yield [_said(f"Strength {rung.asked:g} is done…"), *_swept(name, rungs)]
            except LatentoptError as error:
                yield [_failed(error), NO_PLOT, ""]
                return
            yield [_said("Done."), *_swept(name, rungs)]

    def sweep_stopped(self, wanted: Wanted) -> Any:
        """What is said at the end of a sweep that was stopped; what was drawn stays."""
        return _said("Stopped.") if wanted.stopped else gr.skip()

    # Between

    def between(self, text: str, other: str, wanted: Wanted) -> Iterator[Values]:
        """The way from one's text to another."""
        with wanted.until_stopped():
            yield [_said("Writing what lies between…"), *[gr.skip()] * 4]
            try:
                way = self.line.work(wanted, self.desk.between, text, other)
            except LatentoptError as error:
                yield [_failed(error), [], gr.Slider(interactive=False), "", ""]
                return
            middle = len(way) // 2
            yield [
                _said("Both ends are as you wrote them; what lies between, the model writes from latents alone."),
                way,
                gr.Slider(value=middle, interactive=True),
                self.step(way, middle),
                cards.listed(way),
            ]

    def between_stopped(self, wanted: Wanted) -> Any:
        """What is said at the end of a way that was stopped; one that was found before stays."""
        return _said("Stopped.") if wanted.stopped else gr.skip()

    def step(self, way: list[str], place: float) -> str:
        """The text at a place on the way."""
        return f'<p class="edited">{escape(way[int(place)])}</p>' if 0 <= place < len(way) else ""

    # File

    def file(self, path: str | None, column: str, wanted: Wanted, *fields: Any) -> Iterator[Values]:
        """Edits of a file's texts, one after the other; a text that cannot be edited is left out, and it says why."""
        with wanted.until_stopped():
            done: list[Edit] = []
            left_out: list[str] = []
            try:
                if path is None:
                    raise LatentoptError("give a file first")
                texts = texts_to_edit(path, (column or "").strip() or "text")
                asked = self.asked(*fields)
                self.line.work(wanted, self.desk.editor, asked, "a")  # what is wrong with a wish is so for all texts
                for place, text in enumerate(texts):
                    yield [_said(_counted(place, len(texts))), done, _preview(done), gr.DownloadButton(visible=False)]
                    try:
                        edit = self.line.part(wanted, self.desk.edit, asked, text)
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

    def file_stopped(self, wanted: Wanted, done: list[Edit]) -> Values:
        """What is said at the end of a file that was stopped, and the rows that were done."""
        if not wanted.stopped:
            return [gr.skip(), gr.skip()]
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
    return f'{label} are done. <progress value="{done}" max="{total}" aria-label="{label}"></progress>'


def _so_far(edit: Edit) -> str:
    found = len(edit.candidates)
    return f"{found} so far. Looking for better ones…" if found else "None so far. Looking for some…"


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
            row |= {name: getattr(candidate, name) for name in ("meaning", "fluency", "acceptability")}
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


def _plotted(figure: dict[str, Any]) -> dict[str, Any]:
    return gr.update(value=PlotData(type="plotly", plot=json.dumps(figure)), visible=True)

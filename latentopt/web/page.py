"""The page: its fields, buttons and tabs, and what of a desk each of them calls."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from latentopt.cli.groups import whose_texts
from latentopt.tables import Table
from latentopt.web import line as lines
from latentopt.web.controls import MOST_STRENGTH, MOST_TIMES, Control, OneOf, Strength, Times, Value
from latentopt.web.desk import FILES, KEPT, MOST_CHARACTERS, MOST_ROWS, STEPS, Desk
from latentopt.web.handlers import SHOWN, Handlers
from latentopt.web.line import Line, Wanted
from latentopt.web.maps import MOST_POINTS

KEEP_FILES = (600, 3600)  # seconds: how often, and how old, files of visitors are deleted
KEEP_SESSIONS = 3600  # seconds for which what a visitor has seen is remembered
NARROW = 90  # pixels, of buttons that stand side by side on a telephone, too
FIRST_TIMES = 4.0

SPEAK = """() => {  // what is said is read out as it changes
  for (const said of document.querySelectorAll('.said')) said.setAttribute('aria-live', 'polite');
}"""
COPY = """() => {
  const text = document.querySelector('#edit-%d .edited').dataset.text;  // without the words that are gone
  if (navigator.clipboard) navigator.clipboard.writeText(text);
  else {
    const field = document.body.appendChild(document.createElement('textarea'));
    field.value = text;
    field.select();
    document.execCommand('copy');
    field.remove();
  }
  return 'Copied.';
}"""

SLOW: dict[str, Any] = {"api_visibility": "private", "show_progress": "full"}
MODEL: dict[str, Any] = {"concurrency_id": lines.MODEL, "concurrency_limit": 1, **SLOW}
LONG: dict[str, Any] = {"concurrency_id": lines.LONG, "concurrency_limit": lines.MOST_LONG, **SLOW}
QUICK: dict[str, Any] = {"queue": False, "api_visibility": "private", "show_progress": "hidden"}


class Fields(NamedTuple):
    """What all tabs share: the text, what is asked for, and what has become of the text so far."""

    text: gr.Textbox
    asked: list[gr.components.Component]
    kept: gr.CheckboxGroup
    edit: gr.State
    trail: gr.State


def page(desk: Desk, line: Line, *, corpus: Table | None = None) -> gr.Blocks:
    """The page of a desk, whose requests stand in a line; `corpus`, from `read_corpus`, is what the map begins with."""
    blocks = gr.Blocks(title="latentopt", analytics_enabled=False, delete_cache=KEEP_FILES, fill_width=True)
    line.blocks = blocks
    do = Handlers(desk, corpus, line)
    with blocks:
        with gr.Row(equal_height=False, elem_id="main"):
            with gr.Column(scale=2, min_width=300):
                shared = _fields(do)
            with gr.Column(scale=3, min_width=300), gr.Tabs(overflow_behavior="wrap"):  # none hides behind dots
                with gr.Tab("Edits"):
                    _edits(do, shared)
                with gr.Tab("Map"):
                    _map(do, shared, has_corpus=corpus is not None)
                with gr.Tab("Sweep"):
                    _sweep(do, shared)
                with gr.Tab("Between"):
                    _between(do, shared)
                with gr.Tab("File"):
                    _file(do, shared)
        shared.text.blur(do.chips, shared.text, shared.kept, **QUICK)
        blocks.load(None, js=SPEAK)
    return blocks


def _fields(do: Handlers) -> Fields:
    gr.HTML("<h1>latentopt</h1><p>Your text, a few words changed, so that it becomes what you wish.</p>")
    text = gr.Textbox(
        label="Your text",
        placeholder="such as: thank you to everyone who came out tonight",
        lines=4,
        max_length=MOST_CHARACTERS,
        elem_id="text",
    )
    kept = gr.CheckboxGroup(KEPT, value=KEPT, label="What stays as it is", elem_id="kept")
    names = list(do.desk.controls)
    wished = gr.CheckboxGroup(names, value=names[:1], label="What shall change", elem_id="wished")
    answers = [_field(control, visible=name == names[0]) for name, control in do.desk.controls.items()]
    wished.change(do.chosen, wished, answers, **QUICK)
    with gr.Accordion("More", open=False):
        words = gr.Textbox(label="Other words that stay", info="set apart by commas", elem_id="words")
        length = gr.Number(0, label="Most characters of an edit", info="0 is any", precision=0, elem_id="length")
    return Fields(
        text,
        [wished, kept, words, length, *answers],
        kept,
        gr.State(None, time_to_live=KEEP_SESSIONS),
        gr.State([], time_to_live=KEEP_SESSIONS),
    )


def _field(control: Control, *, visible: bool) -> gr.components.Component:
    seen: dict[str, Any] = {"label": control.name, "visible": visible, "elem_id": f"wish-{control.name}"}
    match control:
        case Times():
            info = "times what is predicted for your text"
            if (typical := control.fitted.head.typical) is not None:
                info += f" in {whose_texts(typical)}"
            return gr.Slider(1.5, MOST_TIMES, value=FIRST_TIMES, step=0.5, info=info, **seen)
        case Strength():
            far, info = MOST_STRENGTH, "along this direction; below 0 is the other way"
            return gr.Slider(-far, far, value=control.first, step=0.25, info=info, **seen)
        case OneOf():
            return gr.Radio(list(control.classes), value=None, info="one of them", **seen)
        case Value():
            return gr.Number(control.ladder[-2], info="at least", **seen)


def _edits(do: Handlers, shared: Fields) -> None:
    text, asked, kept, edit, trail = shared
    with gr.Row():
        write = gr.Button("Write edits", variant="primary", scale=2, min_width=NARROW, elem_id="write")
        stop = gr.Button("Stop", min_width=NARROW, elem_id="stop")
        undo = gr.Button("Undo", min_width=NARROW, elem_id="undo")
    said = gr.HTML(do.welcome, elem_id="said", elem_classes="said")
    columns, htmls, takes = [], [], []
    for place in range(SHOWN):
        with gr.Column(visible=False, elem_classes="card", elem_id=f"edit-{place}") as column:
            htmls.append(gr.HTML())
            with gr.Row():
                takes.append(gr.Button("Go on from this", min_width=NARROW, size="sm", elem_id=f"take-{place}"))
                copy = gr.Button("Copy", min_width=NARROW, size="sm", elem_id=f"copy-{place}")
        columns.append(column)
        copy.click(None, None, said, js=COPY % place, api_visibility="private")
    download = gr.DownloadButton("Download as csv", visible=False, elem_id="download")
    outputs = [said, edit, *columns, *htmls, download]
    wanted = gr.State(Wanted())
    running = write.click(do.write, [text, wanted, *asked], outputs, show_progress_on=said, **MODEL)
    stop.click(do.stop, wanted, None, cancels=[running], **QUICK)
    running.then(do.stopped, [wanted, edit], said, **QUICK)
    for place, take in enumerate(takes):
        taken = take.click(do.take(place), [edit, trail, text], [text, trail, *outputs], **QUICK)
        taken.then(do.chips, text, kept, **QUICK)
    undo.click(do.undo, [trail, text], [text, trail, *outputs], **QUICK).then(do.chips, text, kept, **QUICK)


def _map(do: Handlers, shared: Fields, *, has_corpus: bool) -> None:
    instead = ", or none for those that came with this page" if has_corpus else ""
    given = gr.File(label=f"A file of 3 to {MOST_POINTS:,} texts{instead}", file_types=FILES, elem_id="map-file")
    with gr.Row():
        column = gr.Textbox(label="Column of the texts", value="text", elem_id="map-column")
        numbers = gr.Textbox(label="Column of numbers for the colours", info="or none", elem_id="map-numbers")
    with gr.Row():
        draw = gr.Button("Draw the map", min_width=NARROW, variant="primary", elem_id="draw")
        stop = gr.Button("Stop", min_width=NARROW, elem_id="map-stop")
    said = gr.HTML("Every text is a point; texts of a like meaning lie close.", elem_id="map-said", elem_classes="said")
    colour = gr.Dropdown([], label="Colour", visible=False, elem_id="colour")
    plot = gr.Plot(show_label=False, visible=False, elem_id="map-plot")
    near = gr.HTML(elem_id="near")
    drawn = gr.State(None, time_to_live=KEEP_SESSIONS)
    mine = [shared.text, shared.trail, shared.edit]
    wanted = gr.State(Wanted())
    outputs = [said, drawn, colour, plot, near]
    running = draw.click(do.draw, [given, column, numbers, wanted, *mine], outputs, show_progress_on=said, **LONG)
    stop.click(do.stop, wanted, None, cancels=[running], **QUICK)
    running.then(do.map_stopped, wanted, said, **QUICK)
    colour.input(do.coloured, [drawn, colour, *mine], [plot, near], show_progress_on=said, **MODEL)


def _sweep(do: Handlers, shared: Fields) -> None:
    names = [name for name, control in do.desk.controls.items() if control.ladder]
    which = gr.Radio(names, value=names[0] if names else None, label="What shall grow", elem_id="sweep-which")
    with gr.Row():
        start = gr.Button("Sweep", min_width=NARROW, variant="primary", elem_id="sweep")
        stop = gr.Button("Stop", min_width=NARROW, elem_id="sweep-stop")
    said = gr.HTML(
        "Your text at rising strengths of one wish alone: what is gained, and what it costs.",
        elem_id="sweep-said",
        elem_classes="said",
    )
    plot, rows = gr.Plot(show_label=False, visible=False, elem_id="sweep-plot"), gr.HTML(elem_id="sweep-rows")
    wanted = gr.State(Wanted())
    running = start.click(
        do.sweep, [which, shared.text, wanted, *shared.asked], [said, plot, rows], show_progress_on=said, **LONG
    )
    stop.click(do.stop, wanted, None, cancels=[running], **QUICK)
    running.then(do.sweep_stopped, wanted, said, **QUICK)


def _between(do: Handlers, shared: Fields) -> None:
    other = gr.Textbox(label="The other text", lines=3, max_length=MOST_CHARACTERS, elem_id="other")
    with gr.Row():
        find = gr.Button("Find the way", min_width=NARROW, variant="primary", elem_id="find")
        stop = gr.Button("Stop", min_width=NARROW, elem_id="between-stop")
    said = gr.HTML(
        "From your text to another one, as the model writes it from latents alone.",
        elem_id="between-said",
        elem_classes="said",
    )
    place = gr.Slider(0, STEPS - 1, step=1, label="Place on the way", interactive=False, elem_id="place")
    here, way = gr.HTML(elem_id="here"), gr.HTML(elem_id="way")
    texts = gr.State([], time_to_live=KEEP_SESSIONS)
    wanted = gr.State(Wanted())
    outputs = [said, texts, place, here, way]
    running = find.click(do.between, [shared.text, other, wanted], outputs, show_progress_on=said, **MODEL)
    stop.click(do.stop, wanted, None, cancels=[running], **QUICK)
    running.then(do.between_stopped, wanted, said, **QUICK)
    place.input(do.step, [texts, place], here, **QUICK)


def _file(do: Handlers, shared: Fields) -> None:
    given = gr.File(label=f"A file of up to {MOST_ROWS} texts", file_types=FILES, elem_id="file")
    column = gr.Textbox(label="Column of the texts", value="text", elem_id="file-column")
    with gr.Row():
        start = gr.Button("Edit all", min_width=NARROW, variant="primary", elem_id="edit-all")
        stop = gr.Button("Stop", min_width=NARROW, elem_id="file-stop")
    said = gr.HTML("The wishes are those beside.", elem_id="file-said", elem_classes="said")
    download = gr.DownloadButton("Download as csv", visible=False, elem_id="file-download")
    rows = gr.HTML(elem_id="file-rows")
    done = gr.State([], time_to_live=KEEP_SESSIONS)
    wanted = gr.State(Wanted())
    running = start.click(
        do.file, [given, column, wanted, *shared.asked], [said, done, rows, download], show_progress_on=said, **LONG
    )
    stop.click(do.stop, wanted, None, cancels=[running], **QUICK)
    running.then(do.file_stopped, [wanted, done], [said, download], **QUICK)

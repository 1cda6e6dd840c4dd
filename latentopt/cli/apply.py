"""`latentopt apply`: edit texts along directions."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from latentopt.cli import options
from latentopt.cli.editing import VERSION, Editing, edited, editing_options, print_effects
from latentopt.cli.output import print_json, print_lines, stderr, write

if TYPE_CHECKING:
    from latentopt.directions import Direction
    from latentopt.space import LatentSpace


class Named(NamedTuple):
    """A direction as it was asked for; no strength: its own."""

    name: str
    strength: float | None


def _finite(ctx: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"the strength must be a finite number, got {value}; try 1")
    return value


@click.command(short_help="Move texts along directions.")
@click.argument("direction")
@options.texts
@click.option(
    "--strength",
    type=float,
    callback=_finite,
    help="Multiple of each direction that names none; negative goes the other way. [default: the calibrated one]",
)
@click.option("--explain", is_flag=True, help="Show what each word of the text adds to the goal, or costs it.")
@editing_options
@options.model
@options.as_json
@options.output
def apply(
    direction: str,
    texts: tuple[str, ...],
    file: Path | None,
    column: str,
    strength: float | None,
    explain: bool,
    how: Editing,
    model: str | None,
    as_json: bool,
    output: Path | None,
) -> None:
    """Edit texts along DIRECTION and write them as they become.

    DIRECTION is a file made by `latentopt direction`, or the name of one that came with the model (bundled: civil,
    positive), with a strength of its own if you like. Several are given one after the other, each with its strength:
    `latentopt apply civil:1 positive:0.5 "text"`.

    Texts are edited as `latentopt optimize` does: a few words at a time, and only what a text itself gains counts.
    Prints one text a line, the text itself where no edit is better; --json has all candidates, and why there are none.
    """
    asked, texts = _directions(direction, texts)
    table = options.take_texts(texts, file, column)
    from latentopt.editing import Along, Sum

    space = options.open_space(model)
    found = [(_find(one.name, space), one) for one in asked]
    strengths = [next(s for s in (one.strength, strength, known.strength) if s is not None) for known, one in found]
    goal = Sum([(1.0, Along(known, s)) for (known, _), s in zip(found, strengths, strict=True)])
    sources = table.frame["text"].tolist()
    editor = how.editor(space, goal, {})
    edits = edited(editor, sources)
    for source in sources if explain and not as_json else []:
        print_effects(*editor.explain(source))
    frame = table.frame.assign(source=sources, text=[edit.text for edit in edits])[["source", "text"]].reset_index()
    if output is not None:
        write(frame, output)
    elif as_json:
        used = [{"name": known.name, "strength": s} for (known, _), s in zip(found, strengths, strict=True)]
        rows = [{"row": row} | edit.to_json() for row, edit in zip(frame["row"].tolist(), edits, strict=True)]
        print_json({"version": VERSION, "directions": used, "edits": rows})
    else:
        print_lines(frame["text"].tolist())
    unchanged = [edit for edit in edits if not edit.candidates]
    if unchanged:
        why = unchanged[0].reason
        stderr().print(
            f"{len(unchanged):,} of {len(edits):,} texts stay as they were; of the first: {why}",
            style="dim",
            soft_wrap=True,
            markup=False,
        )


def _directions(first: str, rest: tuple[str, ...]) -> tuple[list[Named], tuple[str, ...]]:
    """Directions and texts of the arguments: after the first direction, those that end in :NUMBER are more of them."""
    asked = [_named(first)]
    while rest and " " not in rest[0] and (more := _named(rest[0])).strength is not None:
        asked.append(more)
        rest = rest[1:]
    return asked, rest


def _named(words: str) -> Named:
    name, sign, number = words.rpartition(":")
    try:
        strength = float(number) if sign and name else None
    except ValueError:
        return Named(words, None)
    if strength is None:
        return Named(words, None)
    if not math.isfinite(strength):
        raise click.UsageError(f"{words}: the strength must be a finite number; try {name}:1")
    return Named(name, strength)


def _find(name: str, space: LatentSpace) -> Direction:
    from latentopt.directions import locate

    found, place = locate(name, space)
    if place is not None:
        stderr().print(f"{found.name}: from {place}", style="dim", soft_wrap=True, markup=False)
    return found

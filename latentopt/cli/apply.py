"""`latentopt apply`: edit texts along directions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from latentopt.cli import completion, options
from latentopt.cli.editing import (
    VERSION,
    Editing,
    edited_and_explained,
    editing_options,
    words_explained,
)
from latentopt.cli.output import print_json, print_lines, stderr
from latentopt.cli.streaming import Destination, best_option, stream, streaming

if TYPE_CHECKING:
    from latentopt.batch import Work
    from latentopt.directions import Direction
    from latentopt.editing import Edit
    from latentopt.space import LatentSpace
    from latentopt.tables import Row

EDITED = 4  # texts that are kept together


class Named(NamedTuple):
    """A direction as it was asked for; no strength: its own."""

    name: str
    strength: float | None


AUTO = "auto"


def _strength(ctx: click.Context, parameter: click.Parameter, value: str | None) -> float | str | None:
    if value is None or value == AUTO:
        return value
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise click.BadParameter(f"the strength must be a finite number or {AUTO}, got {value}; try 1")
    return number


@click.command(short_help="Move texts along directions.")
@click.argument("direction", shell_complete=completion.directions)
@options.texts
@click.option(
    "--strength",
    metavar=f"NUMBER|{AUTO}",
    callback=_strength,
    help="Multiple of each direction that names none; negative goes the other way; auto: for each text the smallest "
    "that works, and none where the text has what it should. [default: the calibrated one]",
)
@click.option("--explain", is_flag=True, help="Show what each word of the text adds to the goal, or costs it.")
@editing_options
@options.model
@options.json_document(VERSION)
@best_option
@streaming
def apply(
    direction: str,
    texts: tuple[str, ...],
    file: Path | None,
    column: str,
    strength: float | str | None,
    explain: bool,
    how: Editing,
    model: str | None,
    as_json: bool,
    best: bool,
    to: Destination | None,
) -> None:
    """Edit texts along DIRECTION and write them as they become.

    DIRECTION is a file made by `latentopt direction`, or the name of one that came with the model (`latentopt
    directions list` names them), with a strength of its own if you like. Several are given one after the other, each
    with its strength: `latentopt apply civil:1 positive:0.5 "text"`.

    Texts are edited as `latentopt optimize` does: a few words at a time, and only what a text itself gains counts.
    Prints one text a line, the text itself where no edit is better; --json has all candidates, and why there are none.
    """
    asked, texts = _directions(direction, texts)
    if strength == AUTO and (len(asked) > 1 or asked[0].strength is not None):
        raise click.UsageError(f"--strength {AUTO} takes one direction, and finds its strength for each text")
    if to is not None:
        if explain:
            raise click.UsageError("--explain is for texts that are shown; leave it out with --output")
        from latentopt.batch import Edits
        from latentopt.editing import columns

        source = options.take_input(texts, file, column, to.shard)
        best = best or to.output.suffix.lower() == ".txt"

        def make() -> Work:
            space = options.open_space(model)
            moving = _Moving(space, how, asked, strength)
            return Edits(moving.edit, column=source.columns[0], best=best, properties=list(columns(moving.goal)))

        depends = [model, how.language_model, *(one.name for one in asked)]
        more = [f"{one.name}:{one.strength}" for one in asked]
        stream(to, make, source, chunk=EDITED, depends=depends, more=more)
        return
    table = options.take_texts(texts, file, column)
    space = options.open_space(model)
    moving = _Moving(space, how, asked, strength)
    sources = table.frame["text"].tolist()

    found, explained = edited_and_explained(
        sources,
        lambda source, glance: moving.edit([source])[0],
        moving.editor.explain if explain else None,
        None if as_json else lambda made: print_lines([made[0].text]),
    )
    edits = [edit for edit, _ in found]
    how.draw(edits)
    if as_json:
        numbered = zip(table.frame.index.tolist(), found, strict=True)
        rows = [{"row": row} | edit.to_json() | more for row, (edit, more) in numbered]
        for row, effects in zip(rows, explained, strict=True):
            if effects is not None:
                row["words"] = words_explained(*effects)
        print_json({"version": VERSION, "directions": moving.used, "edits": rows})
    unchanged = [edit for edit in edits if not edit.candidates]
    if unchanged:
        why = unchanged[0].reason
        stderr().print(
            f"{len(unchanged):,} of {len(edits):,} texts stay as they were; of the first: {why}",
            style="dim",
            soft_wrap=True,
            markup=False,
        )


class _Moving:
    """The editing of texts along directions."""

    def __init__(self, space: LatentSpace, how: Editing, asked: list[Named], strength: float | str | None) -> None:
        from latentopt.directions import warn_if_far
        from latentopt.editing import Along, Sum

        found = [(_find(one.name, space), one) for one in asked]
        given = None if isinstance(strength, str) else strength
        strengths = [next(s for s in (one.strength, given, known.strength) if s is not None) for known, one in found]
        for each in strengths:
            warn_if_far(each)
        self.first = found[0][0]
        self.auto = strength == AUTO
        self.goal = Sum([(1.0, Along(known, s)) for (known, _), s in zip(found, strengths, strict=True)])
        readers = {name: reader for known, _ in found for name, reader in known.readers().items()}
        self.editor = how.editor(space, self.goal, readers)
        self.used = [
            {"name": known.name, "strength": AUTO if self.auto else s}
            for (known, _), s in zip(found, strengths, strict=True)
        ]

    def edit(self, texts: list[str], rows: Sequence[Row] = ()) -> list[tuple[Edit, dict[str, Any]]]:
        """Edits of n texts, each with the strength that it took where that was found for each."""
        if not self.auto:
            return [(edit, {}) for edit in self.editor.edit(texts)]
        from latentopt.directions import edit_as_needed

        needed = edit_as_needed(self.first, texts, self.editor)
        return [(one.edit, {"strength": one.strength}) for one in needed]


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
    from latentopt.directions import bundled_directions, load_direction
    from latentopt.directions.finding import direction_file

    file = direction_file(name, space)
    found = load_direction(file, space)
    if file not in bundled_directions(space).values():
        stderr().print(f"{found.name}: from {file}", style="dim", soft_wrap=True, markup=False)
    return found

"""`latentopt apply`: edit texts along a direction."""

from __future__ import annotations

import math
from pathlib import Path

import click

from latentopt.cli import options
from latentopt.cli.output import print_json, print_lines, write


def _finite(ctx: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"the strength must be a finite number, got {value}; try 1")
    return value


@click.command(short_help="Move texts along a direction.")
@click.argument("direction")
@options.texts
@click.option(
    "--strength",
    type=float,
    callback=_finite,
    help="Multiple of the direction; negative goes the other way. [default: the one calibrated when it was mined]",
)
@options.model
@options.as_json
@options.output
@options.batch_size
def apply(
    direction: str,
    texts: tuple[str, ...],
    file: Path | None,
    column: str,
    strength: float | None,
    model: str | None,
    as_json: bool,
    output: Path | None,
    batch_size: int,
) -> None:
    """Move texts along DIRECTION and write them as they become.

    DIRECTION is a file made by `latentopt direction`, or the name of one that came with the model (bundled: civil,
    positive). Prints one text a line; --json and --output have the sources beside them.
    """
    table = options.take_texts(texts, file, column)
    from latentopt.directions import find

    space = options.open_space(model)
    found = find(direction, space)
    strength = found.strength if strength is None else strength
    sources = table.frame["text"].tolist()
    z = found.apply(space.invert(sources, batch_size=batch_size).z, strength=strength)
    edited = space.decode(z, batch_size=batch_size)
    frame = table.frame.assign(source=sources, text=edited)[["source", "text"]].reset_index()
    if output is not None:
        write(frame, output)
    elif as_json:
        used = {"name": found.name, "strength": strength}
        print_json({"version": 1, "direction": used, "edits": frame.to_dict("records")})
    else:
        print_lines(edited)

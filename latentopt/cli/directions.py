"""`latentopt directions`: which directions there are, what is known of one, and how several are related."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentopt.cli import completion, options
from latentopt.cli.mined import print_statistics
from latentopt.cli.output import print_json, stdout

if TYPE_CHECKING:
    from latentopt.directions import Direction
    from latentopt.space import LatentSpace


@click.command(short_help="List, show and compare directions.")
@click.argument("action", type=click.Choice(["list", "show", "compare"]))
@click.argument("names", nargs=-1, metavar="[DIRECTION]...", shell_complete=completion.directions)
@options.model
@options.as_json
def directions(action: str, names: tuple[str, ...], model: str | None, as_json: bool) -> None:
    """List the directions of the model and of this folder, show what was measured of some, or compare two or more.

    DIRECTION is a file made by `latentopt direction`, or the name of one that came with the model. `compare` prints
    the cosines, and how many steps of the second one step of the first makes.
    """
    if action == "list" and names:
        raise click.UsageError("list takes no names; `latentopt directions show NAME` says more of one")
    if action == "show" and not names:
        raise click.UsageError("show takes a direction or more; `latentopt directions list` names them")
    if action == "compare" and len(names) < 2:
        raise click.UsageError("compare takes two directions or more; `latentopt directions list` names them")
    space = options.open_space(model)
    if action == "list":
        _list(space, as_json)
        return
    from latentopt.directions import load_direction

    found = [load_direction(name, space) for name in names]
    if action == "show":
        _show(found, as_json)
    else:
        _compare(found, as_json)


def _list(space: LatentSpace, as_json: bool) -> None:
    from rich.table import Table as Grid

    from latentopt.directions import Direction, bundled_directions, load_direction
    from latentopt.errors import LatentoptError

    rows = [(load_direction(file, space), "the model's") for file in bundled_directions(space).values()]
    for path in sorted(Path().glob("*.safetensors")):
        try:
            rows.append((Direction.from_pretrained(path, space=space.fingerprint), str(path)))
        except LatentoptError:
            continue  # another model's, or no direction
    if as_json:
        print_json({"version": 1, "directions": [_summary(found) | {"place": place} for found, place in rows]})
        return
    grid = Grid("name", "strength", "verdict", "place", box=None, pad_edge=False)
    for found, place in rows:
        grid.add_row(found.name, f"{found.strength:g}", _verdict(found) or "not judged", place)
    stdout().print(grid if rows else "there are none; `latentopt direction --pairs FILE` makes one")


def _show(found: list[Direction], as_json: bool) -> None:
    if as_json:
        rows = [_summary(each) | {"statistics": dict(each.statistics)} for each in found]
        print_json({"version": 1, "directions": rows})
        return
    for each in found:
        if "verdict" in each.statistics:
            print_statistics(each.name, each.statistics, each.strength)
        else:
            plain = {key: value for key, value in each.statistics.items() if not isinstance(value, dict | list)}
            known = ", ".join(f"{key} {value}" for key, value in plain.items())
            say = f"{each.name}: strength {each.strength:g}; " + (f"{known}; not judged" if known else "not judged")
            stdout().print(say, markup=False, soft_wrap=True)


def _compare(found: list[Direction], as_json: bool) -> None:
    from rich.table import Table as Grid

    pairs = [(a, b) for i, a in enumerate(found) for b in found[i + 1 :]]
    rows: list[dict[str, Any]] = [
        {"first": a.name, "second": b.name, "cosine": a.cosine(b), "steps": _steps(a, b)} for a, b in pairs
    ]
    if as_json:
        print_json({"version": 1, "pairs": rows})
        return
    grid = Grid("first", "second", "cosine", "steps", box=None, pad_edge=False)
    for row in rows:
        grid.add_row(row["first"], row["second"], f"{row['cosine']:.2f}", f"{row['steps']:.2f}")
    stdout().print(grid)
    stdout().print("steps: how many of the second one step of the first makes", style="dim")


def _steps(a: Direction, b: Direction) -> float:
    """How many steps of b one step of a makes along it."""
    return float(a.vector @ b.vector / b.vector.square().sum().clamp_min(1e-12))


def _summary(found: Direction) -> dict[str, Any]:
    return {"name": found.name, "strength": found.strength, "verdict": _verdict(found)}


def _verdict(found: Direction) -> str | None:
    judged = found.statistics.get("verdict")
    return None if judged is None else str(judged["words"])

"""From a file of texts and values to a saved head: what `fit` and `tune` ask for, do and show alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentopt.cli import options
from latentopt.cli.output import print_json, stderr, stdout

if TYPE_CHECKING:
    from rich.status import Status

    from latentopt.heads import Fitted, Rows
    from latentopt.heads.rows import Scale
    from latentopt.space import LatentSpace
    from latentopt.tables import Table

NAMES = {
    "constant": "a constant",
    "group_mean": "the group's mean",
    "tfidf_ridge": "TF-IDF ridge",
    "tfidf_logistic": "TF-IDF logistic",
    "head": "the head, by the latent",
    "reader": "the reader, by the words",
    "stacked": "both, stacked",
}

_options = options.compose(
    click.argument("name"),
    click.argument("file", type=click.Path(path_type=Path)),
    click.option("--value", required=True, metavar="COLUMN", help="Column of the property: numbers, or classes."),
    click.option("--column", default="text", show_default=True, help="Column of the file that holds the texts."),
    click.option(
        "--group", metavar="COLUMN", help="Column of who wrote each text; the head learns within these groups."
    ),
    click.option(
        "--typical",
        type=click.FloatRange(min=0),
        help="With --group: predict for a group whose texts typically get this. [default: the median group]",
    ),
    click.option(
        "--scale",
        type=click.Choice(["auto", "log1p", "identity"]),
        default="auto",
        show_default=True,
        help="How a number is fitted; auto takes log1p for skewed counts.",
    ),
    click.option("--limit", type=click.IntRange(min=1), help="Use this many rows, drawn at random. [default: all]"),
    click.option(
        "--output",
        type=click.Path(path_type=Path, file_okay=False),
        help="Directory of the head to write. [default: ./NAME]",
    ),
    options.model,
    options.seed,
    options.as_json,
)


@dataclass(frozen=True)
class Request:
    """The property and its rows as they were asked for, by the names of the options."""

    name: str
    file: Path
    value: str
    column: str
    group: str | None
    typical: float | None
    scale: Scale
    limit: int | None
    output: Path | None
    model: str | None
    seed: int
    as_json: bool


def arguments(command: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options that all new heads have; it is called with a Request and its own options."""

    @wraps(command)
    def with_request(**given: Any) -> None:
        request = Request(**{field.name: given.pop(field.name) for field in fields(Request)})
        command(request, **given)

    decorated: Callable[..., None] = _options(with_request)
    return decorated


def make(request: Request, doing: str, learn: Callable[[Rows, Status], Fitted]) -> None:
    """Read and encode the rows, learn from them, save the head and print its report.

    Args:
        request: what was asked for.
        doing: what `learn` does, for the one who waits: "fitting".
        learn: rows to a head; the status line is its to change.
    """
    output = _checked_output(request)
    if request.typical is not None and request.group is None:
        raise click.UsageError("--typical says which group to predict for; it needs --group COLUMN")
    table = _read(request)
    space = options.open_space(request.model)
    from latentopt.heads.rows import rows_of, without_negative

    if request.scale == "log1p":
        table = options.usable(without_negative(replace(table, errors=[]), request.value))
    frame = table.frame
    groups = None if request.group is None else frame[request.group].tolist()
    with stderr().status(f"encoding {len(table):,} texts"):
        rows = rows_of(space, frame[request.column].tolist(), frame[request.value].tolist(), groups=groups)
    with stderr().status(f"{doing} {request.name}") as status:
        fitted = learn(rows, status)
    _save_and_show(fitted, request, output, space)


def _checked_output(request: Request) -> Path:
    """Return where the head goes; a folder that holds something else is not written into."""
    name = request.name
    if not name or name != Path(name).name or "=" in name or ":" in name:
        raise click.UsageError(f"{name!r}: a property's name is a word without /, = and :, such as likes")
    output = request.output or Path(name)
    if output.is_file():
        raise click.UsageError(f"{output} is a file; give another --output")
    if output.exists() and not (output / "head.json").exists() and any(output.iterdir()):
        raise click.UsageError(f"{output} holds something that is no head; give another --output")
    return output


def _read(request: Request) -> Table:
    """Read texts, values and groups; rows whose value is no number where most are become errors."""
    from latentopt.tables import is_number, numeric_column, read_table

    columns = [request.column, request.value] + ([request.group] if request.group else [])
    if len(set(columns)) < len(columns):
        raise click.UsageError(f"--column, --value and --group name the same column ({', '.join(columns)})")
    table = read_table(request.file, columns=columns).only_texts(request.column)
    values = table.frame[request.value].tolist()
    if sum(map(is_number, values)) * 2 > len(values):
        table = numeric_column(table, request.value)
    table = options.usable(table)
    if request.limit is not None and request.limit < len(table):
        table = replace(table, frame=table.frame.sample(request.limit, random_state=request.seed).sort_index())
    return table


def _save_and_show(fitted: Fitted, request: Request, output: Path, space: LatentSpace) -> None:
    """Save the head, print its report, and say what can be done with it."""
    name = request.name
    if request.typical is not None:
        fitted = fitted.with_typical(request.typical)
    fitted.save_pretrained(output, name=name, space=space)
    head = fitted.head
    value = _example(head)
    if request.as_json:
        about = {"name": name, "directory": str(output), "kind": head.kind, "parameters": fitted.parameters}
        print_json({"version": 1, "head": about | {"typical": head.typical}, "report": fitted.report})
    else:
        _print_report(name, fitted, chosen=request.typical is not None)
        at = "" if request.model is None else f" --model {request.model}"
        click.echo(
            f'wrote {output}; next: latentopt optimize --head {output} --target {name}={value}{at} "a text of yours"',
            err=True,
        )


def _example(head: Any) -> str:
    if hasattr(head, "classes_"):
        return str(head.classes_[-1])
    high = float(head.to_value(head.offset_ + head.score_scale))  # higher than typical, and not out of reach
    return f"{high:.2g}" if abs(high) < 1 else f"{float(f'{high:.1g}'):.0f}"


def _print_report(name: str, fitted: Fitted, *, chosen: bool) -> None:
    from rich.table import Table as Grid

    say, report, head = stdout(), fitted.report, fitted.head
    say.print(f"{name}: {head.kind}, measured on {report['rows']:,} rows that it has not seen\n", soft_wrap=True)
    models = [key for key in NAMES if key in report]
    measures: Sequence[str] = list(report["head"])
    grid = Grid("", *measures, box=None, pad_edge=False)
    for column in grid.columns[1:]:
        column.justify = "right"
    for key in models:
        grid.add_row(NAMES[key], *(f"{report[key][m]:.3f}" for m in measures))
    say.print(grid)
    notes = []
    if report.get("within_groups"):
        notes.append(
            f"Measured within groups: the {report['groups']:,} groups alone explain "
            f"{report['explained_by_group']:.0%} of the variance; r2_total is of all of it, each group's mean known."
        )
        whose = "a group" if chosen else "the median group, one"
        notes.append(
            f"Predicts for {whose} whose texts typically get {head.typical:,.4g}; --typical VALUE predicts for another."
        )
    if "scale" in report:
        notes.append(f"r2 and mae are of {'log1p of the value' if report['scale'] == 'log1p' else 'the value'}.")
    if found := report.get("interval"):
        notes.append(f"The {found['level']:.0%} interval of the stacked value covers {found['coverage']:.1%} of them.")
    if "trials" in report:
        kept = ", ".join(f"{key}={value}" for key, value in fitted.parameters.items() if key != "random_state")
        notes.append(f"Best of {report['trials']} trials: {kept}.")
    notes.append("Searches lead by the head; what latentopt predict shows is both, stacked.")
    say.print("\n" + "\n".join(notes), soft_wrap=True, markup=False)

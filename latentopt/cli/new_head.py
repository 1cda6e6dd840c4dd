"""From a file of texts and values to a saved head: what `fit` and `tune` ask for, do and show alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentopt.cli import options
from latentopt.cli.groups import group_columns, groups_of
from latentopt.cli.head_report import print_report
from latentopt.cli.output import draw, print_json, stderr, warn
from latentopt.errors import LatentoptError
from property_models.families import FAMILIES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.status import Status

    from latentopt.heads import Fitted, Rows
    from latentopt.heads.rows import Scale
    from latentopt.heads.splits import Split
    from latentopt.heads.values import Kind, Values
    from latentopt.space import LatentSpace
    from latentopt.tables import Table
    from property_models import PropertyModel

SPLITS = {"random": "at_random", "group": "by_group", "time": "by_time"}  # functions of latentopt.heads.splits
FAMILY = {family.name: family for family in FAMILIES}  # the one place where families have names

_options = options.compose(
    click.argument("name"),
    click.argument("file", type=options.SomePath(path_type=Path)),
    click.option(
        "--value",
        required=True,
        metavar="COLUMN",
        help="Column of the property: numbers (1.2K, 3M and 6,529 are some), or classes.",
    ),
    click.option("--of", metavar="COLUMN", help="Column of what the value is a count of, as clicks of impressions."),
    click.option(
        "--kind",
        type=click.Choice(["auto", "numbers", "classes"]),
        default="auto",
        show_default=True,
        help="What the values are; auto takes words, and any two different entries, as classes.",
    ),
    click.option(
        "--classes",
        metavar="ENTRY[=NAME],...",
        help="The entries that are classes, such as 0=negative,4=positive; rows of others are left out.",
    ),
    click.option("--decimal-comma", is_flag=True, help="A comma is the decimal sign: 6.967 is 6967."),
    click.option(
        "--may-drop",
        type=click.FloatRange(min=0, max=1),
        default=0.05,
        show_default=True,
        help="Share of the rows that may be left out because something is wrong with them.",
    ),
    click.option("--column", default="text", show_default=True, help="Column of the file that holds the texts."),
    click.option(
        "--group",
        metavar="COLUMN[,COLUMN]",
        help="Column of who wrote each text; the head learns within these groups, if the values are numbers.",
    ),
    click.option(
        "--typical",
        type=float,
        help="With --group: predict for a group whose texts typically get this. [default: the median group]",
    ),
    click.option(
        "--split",
        type=click.Choice(list(SPLITS)),
        default="random",
        show_default=True,
        help="What measures the head: a fifth of each group, whole groups (as new accounts are), or the latest rows.",
    ),
    click.option("--time", metavar="COLUMN", help="With --split time: column of numbers or dates."),
    click.option(
        "--scale",
        type=click.Choice(["auto", "log1p", "identity", "logit"]),
        default="auto",
        show_default=True,
        help="How a number is fitted; auto takes log1p for skewed counts and logit for rates.",
    ),
    click.option(
        "--latents",
        type=options.SomePath(path_type=Path),
        help="Latents of the texts, as `latentopt encode --output` wrote them to .parquet; others are encoded.",
    ),
    click.option("--limit", type=click.IntRange(min=1), help="Use this many rows, drawn at random. [default: all]"),
    click.option(
        "--output",
        type=click.Path(path_type=Path, file_okay=False),
        help="Directory of the head to write. [default: ./NAME]",
    ),
    click.option(
        "--figures",
        type=click.Path(path_type=Path, file_okay=False),
        help="Draw a page into this directory: calibration, residuals, learning curve, intervals, search.",
    ),
    click.option("--force", is_flag=True, help="Overwrite a head that is there."),
    options.reading,
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
    of: str | None
    kind: Kind
    classes: str | None
    decimal_comma: bool
    may_drop: float
    column: str
    group: str | None
    typical: float | None
    split: str
    time: str | None
    scale: Scale
    latents: Path | None
    limit: int | None
    output: Path | None
    figures: Path | None
    force: bool
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
    if (request.split == "time") != (request.time is not None):
        raise click.UsageError("--split time goes by a column; it and --time COLUMN are given together")
    if request.split == "group" and request.group is None:
        raise click.UsageError("--split group holds out whole groups; it needs --group COLUMN")
    table = _read(request)
    _check_groups(request, table)
    space = options.open_space(request.model)
    from latentopt.heads.rows import are_numbers, rows_of
    from latentopt.heads.values import WEIGHTS, times_of

    frame = table.frame
    texts, values = frame[request.column].tolist(), frame[request.value].to_numpy()
    z = None if request.latents is None else _kept(request.latents, space, texts)
    with stderr().status(f"encoding {len(table):,} texts"):
        rows = rows_of(
            space,
            texts,
            values.tolist(),
            groups=None if request.group is None else groups_of(table, group_columns(request.group)),
            weights=frame[WEIGHTS].tolist() if WEIGHTS in frame else None,
            times=None if request.time is None else times_of(frame[request.time].tolist(), request.time),
            kind="numbers" if are_numbers(values) else "classes",
            z=z,
        )
    _check_typical(request, rows)
    with stderr().status(f"{doing} {request.name}") as status:
        fitted = learn(rows, status)
    if request.figures is not None:
        with stderr().status("drawing"):
            _draw(fitted, rows, request, request.figures)
    _save_and_show(fitted, request, output, space)
    if fitted.report.get("interrupted"):
        done = fitted.report["trials"]
        again = "the same command" + ("" if request.force else " with --force")  # the head is there now
        warn(f"interrupted after {done} trials; the best so far is saved, and {again} goes on")
        raise KeyboardInterrupt


def _kept(path: Path, space: LatentSpace, texts: list[str]) -> NDArray[np.float32]:
    from latentopt.space import kept_latents

    with stderr().status(f"reading {path}"):
        z, missing = kept_latents(space, texts, path)
    if missing:
        warn(f"{path} holds {len(texts) - missing:,} of the {len(texts):,} texts; the others were encoded")
    return z


def _check_typical(request: Request, rows: Rows) -> None:
    """Refuse, before anything is learned, a typical value that no row could have."""
    if request.typical is None:
        return
    from latentopt.heads.fit import chosen_scale
    from property_models.targets import SCALES

    known = SCALES[chosen_scale(rows, request.scale)]
    if not known.has(request.typical):
        raise click.UsageError(f"--typical {request.typical:g}: {request.name} has {known.values}, and this is none")


def _draw(fitted: Fitted, rows: Rows, request: Request, folder: Path) -> None:
    from latentopt.heads.figures import page

    draw(
        page(fitted, rows, name=request.name, split=split_of(request), seed=request.seed),
        folder / f"{request.name}.png",
    )


def _checked_output(request: Request) -> Path:
    """Return where the head goes; a folder that holds something else is not written into."""
    name = request.name
    if not name or name != Path(name).name or "=" in name or ":" in name:
        raise click.UsageError(f"{name!r}: a property's name is a word without /, = and :, such as likes")
    output = request.output or Path(name)
    if output.is_file():
        raise click.UsageError(f"{output} is a file; give another --output")
    if (output / "head.json").exists() and not request.force:
        raise click.UsageError(f"{output} holds a head; --force overwrites it, --output names another directory")
    if output.exists() and not (output / "head.json").exists() and any(output.iterdir()):
        raise click.UsageError(f"{output} holds something that is no head; give another --output")
    return output


def _read(request: Request) -> Table:
    """Read texts, values and groups; rows with something wrong are left out, and too many of them are an error."""
    from latentopt.heads.values import check_dropped, check_texts, thousands_warning, with_values
    from latentopt.tables import read_table

    of = [request.of] if request.of else []
    times = [request.time] if request.time else []
    columns = [request.column, request.value, *of, *group_columns(request.group), *times]
    if len(set(columns)) < len(columns):
        raise click.UsageError(
            f"--column, --value, --of, --group and --time name the same column ({', '.join(columns)})"
        )
    table = read_table(request.file, columns=columns, reading=options.chosen_reading()).only_texts(request.column)
    check_texts(table.frame[request.column].tolist(), request.column)
    raw = table.frame[request.value].tolist()
    if not request.decimal_comma and (warning := thousands_warning(raw, request.value)):
        warn(warning)
    read = _values(request, table)
    table = with_values(table, request.value, read)
    if request.classes is None:  # whoever names classes has chosen to leave others out
        check_dropped(table, raw, may_drop=request.may_drop, decimal_comma=request.decimal_comma)
        table = options.usable(table)
    elif not len(table):
        some = f", but {raw[0]!r} and such" if raw else ""
        raise LatentoptError(
            f"{request.value} has none of the classes {request.classes}{some}; name entries that it has"
        )
    elif (left := len(raw) - len(table)) > request.may_drop * len(raw):
        warn(f"{request.value}: {left:,} of {len(raw):,} rows are of none of the classes {request.classes}")
    if request.limit is not None and request.limit < len(table):
        table = replace(table, frame=table.frame.sample(request.limit, random_state=request.seed).sort_index())
    return table


def _check_groups(request: Request, table: Table) -> None:
    """Refuse, before anything is encoded, what groups of classes cannot do."""
    from latentopt.heads.rows import are_numbers
    from latentopt.heads.splits import GROUPED_CLASSES

    if request.group is None or are_numbers(table.frame[request.value].to_numpy()):
        return
    if request.split != "group":
        raise LatentoptError(f"{request.value}: {GROUPED_CLASSES}")
    if request.typical is not None:
        raise click.UsageError(f"--typical is for numbers, but {request.value} has classes; leave it out")


def _values(request: Request, table: Table) -> Values:
    """Read the values as what they were said to be; an option that does not apply to these is wrong usage."""
    from latentopt.heads.rows import are_numbers
    from latentopt.heads.values import check_counts, named_classes, rates_of, values_of

    raw = table.frame[request.value].tolist()
    if request.of is not None:
        if request.kind != "auto" or request.classes is not None or request.scale not in ("auto", "logit"):
            raise click.UsageError("--of makes rates, fitted as log-odds; leave out --kind, --classes and --scale")
        return rates_of(raw, table.frame[request.of].tolist(), decimal_comma=request.decimal_comma)
    classes = None if request.classes is None else named_classes(request.classes)
    if classes is not None and request.kind == "numbers":
        raise click.UsageError("--classes names classes, but --kind says numbers; give one of the two")
    read = values_of(raw, kind=request.kind, classes=classes, decimal_comma=request.decimal_comma)
    if not are_numbers(read.values):
        if request.scale != "auto":
            raise click.UsageError(
                f"--scale {request.scale} is for numbers, but {request.value} has classes, such as {read.values[0]!r}; "
                "leave it out, or say --kind numbers"
            )
        return read
    if request.scale == "auto":
        check_counts(read.values, request.value)
    return read.within(request.scale)


def split_of(request: Request) -> Split:
    """The function that a split's name stands for."""
    from latentopt.heads import splits

    found: Split = getattr(splits, SPLITS[request.split])
    return found


def _save_and_show(fitted: Fitted, request: Request, output: Path, space: LatentSpace) -> None:
    """Save the head, print its report, and say what can be done with it."""
    name = request.name
    if request.typical is not None:
        fitted = fitted.with_typical(request.typical)
    fitted.save_pretrained(output, name=name, space=space)
    head = fitted.head
    value = _example(head)
    if request.as_json:
        about = {"name": name, "directory": str(output), "kind": head.kind, "parameters": head.get_params()}
        print_json({"version": 1, "head": about | {"typical": head.typical}, "report": fitted.report})
    else:
        print_report(name, fitted)
        at = "" if request.model is None else f" --model {request.model}"
        click.echo(
            f'wrote {output}; next: latentopt optimize --head {output} --target {name}={value}{at} "a text of yours"',
            err=True,
        )


def _example(head: PropertyModel) -> str:
    if head.classes:
        return head.classes[-1]
    low, high = head.score_range
    value = float(head.to_value(0.3 * low + 0.7 * high))  # higher than typical, and not out of reach
    return f"{value:.2g}" if abs(value) < 1 else f"{float(f'{value:.1g}'):.0f}"

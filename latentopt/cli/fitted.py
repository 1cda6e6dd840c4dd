"""What `fit` and `tune` share: their options, their rows, and how they show and save a head."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentopt.cli import options
from latentopt.cli.output import print_json, stdout

if TYPE_CHECKING:
    from latentopt.heads.fit import Fitted
    from latentopt.heads.rows import Rows
    from latentopt.space import LatentSpace
    from latentopt.tables import Table

NAMES = {
    "constant": "a constant",
    "tfidf_ridge": "TF-IDF ridge",
    "tfidf_logistic": "TF-IDF logistic",
    "head": "the head",
}

arguments = options.compose(
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


def check_output(name: str, output: Path | None) -> Path:
    """Return where the head goes; a folder that holds something else is not written into."""
    if not name or name != Path(name).name or "=" in name or ":" in name:
        raise click.UsageError(f"{name!r}: a property's name is a word without /, = and :, such as likes")
    output = output or Path(name)
    if output.is_file():
        raise click.UsageError(f"{output} is a file; give another --output")
    if output.exists() and not (output / "head.json").exists() and any(output.iterdir()):
        raise click.UsageError(f"{output} holds something that is no head; give another --output")
    return output


def read_rows(file: Path, text: str, value: str, group: str | None, *, limit: int | None, seed: int) -> Table:
    """Read texts, values and groups; rows whose value is no number where most are become errors."""
    from dataclasses import replace

    from latentopt.tables import is_number, numeric_column, read_table

    columns = [text, value] + ([group] if group else [])
    if len(set(columns)) < len(columns):
        raise click.UsageError(f"--column, --value and --group name the same column ({', '.join(columns)})")
    table = read_table(file, columns=columns).only_texts(text)
    values = table.frame[value].tolist()
    if sum(map(is_number, values)) * 2 > len(values):
        table = numeric_column(table, value)
    table = options.usable(table)
    if limit is not None and limit < len(table):
        table = replace(table, frame=table.frame.sample(limit, random_state=seed).sort_index())
    return table


def encode_rows(space: LatentSpace, table: Table, text: str, value: str, group: str | None) -> Rows:
    """Encode the rows of a table."""
    from latentopt.heads.rows import rows_of

    frame = table.frame
    groups = None if group is None else frame[group].tolist()
    return rows_of(space, frame[text].tolist(), frame[value].tolist(), groups=groups)


def save_and_show(
    fitted: Fitted,
    name: str,
    output: Path,
    space: LatentSpace,
    *,
    typical: float | None,
    model: str | None,
    as_json: bool,
) -> None:
    """Save the head, print its report, and say what can be done with it."""
    import property_models

    head: Any = fitted.head
    if typical is not None:
        if not getattr(head, "grouped_", False):
            raise click.UsageError("--typical says which group to predict for; it needs --group COLUMN")
        head = head.with_typical(typical)
    property_models.save(head, output, name=name, space=space.fingerprint, metrics=fitted.report)
    value = _example(head)
    if as_json:
        about = {"name": name, "directory": str(output), "kind": head.kind, "parameters": fitted.parameters}
        print_json({"version": 1, "head": about | {"typical": head.typical}, "report": fitted.report})
    else:
        _print_report(name, fitted, head, chosen=typical is not None)
        at = "" if model is None else f" --model {model}"
        click.echo(
            f'wrote {output}; next: latentopt optimize --head {output} --target {name}={value}{at} "a text of yours"',
            err=True,
        )


def _example(head: Any) -> str:
    if hasattr(head, "classes_"):
        return str(head.classes_[-1])
    high = float(head.to_value(head.offset_ + head.score_scale))  # higher than typical, and not out of reach
    return f"{high:.2g}" if abs(high) < 1 else f"{float(f'{high:.1g}'):.0f}"


def _print_report(name: str, fitted: Fitted, head: Any, *, chosen: bool) -> None:
    from rich.table import Table as Grid

    say, report = stdout(), fitted.report
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
            f"{report['explained_by_group']:.0%} of the variance."
        )
        whose = "a group" if chosen else "the median group, one"
        notes.append(
            f"Predicts for {whose} whose texts typically get {head.typical:,.4g}; --typical VALUE predicts for another."
        )
    if "scale" in report:
        notes.append(f"r2 and mae are of {'log1p of the value' if report['scale'] == 'log1p' else 'the value'}.")
    if found := report.get("interval"):
        notes.append(f"The {found['level']:.0%} interval covers {found['coverage']:.1%} of them.")
    if "trials" in report:
        kept = ", ".join(f"{key}={value}" for key, value in fitted.parameters.items() if key != "random_state")
        notes.append(f"Best of {report['trials']} trials: {kept}.")
    say.print("\n" + "\n".join(notes), soft_wrap=True, markup=False)

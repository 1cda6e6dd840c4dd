"""`latentopt evaluate-head`: how many pairs of texts a head orders rightly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentopt.cli import completion, options
from latentopt.cli.groups import group_columns, groups_of
from latentopt.cli.head_report import NAMES
from latentopt.cli.output import print_json, stderr, stdout, warn

if TYPE_CHECKING:
    from latentopt.heads.pairs import Pairs

FEW = 10  # clusters: fewer cannot be resampled
WHOSE = {key: NAMES[key] for key in ("head", "reader", "stacked")}


@click.command("evaluate-head", short_help="Share of pairs of texts that a head orders rightly.")
@click.argument("name", shell_complete=completion.heads)
@click.argument("file", type=options.SomePath(path_type=Path))
@click.option("--first", default="first", show_default=True, metavar="COLUMN", help="Column of the first texts.")
@click.option("--second", default="second", show_default=True, metavar="COLUMN", help="Column of the second texts.")
@click.option("--more", metavar="COLUMN", help="Column that says which has more: first or second, or 1 or 2.")
@click.option("--column", default="text", show_default=True, metavar="COLUMN", help="With --value: that of the texts.")
@click.option("--value", metavar="COLUMN", help="Pairs are made of rows of one group; this column says which has more.")
@click.option("--of", metavar="COLUMN", help="With --value: column of what the value is a count of.")
@click.option("--group", metavar="COLUMN[,COLUMN]", help="With --value: column of the groups.")
@click.option(
    "--least-z",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="With --of: pairs whose rates differ by more than so many standard errors.",
)
@click.option(
    "--class",
    "label",
    metavar="NAME",
    help="Of a head with classes: the one that more is of. [default: of two, the second]",
)
@options.reading
@options.model
@options.seed
@options.as_json
def evaluate_head(
    name: str,
    file: Path,
    first: str,
    second: str,
    more: str | None,
    column: str,
    value: str | None,
    of: str | None,
    group: str | None,
    least_z: float,
    label: str | None,
    model: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Share of the pairs of FILE for whose better text the head NAME predicts more.

    A pair is a row with two texts (--more COLUMN says which has more), or two rows of one group (--value and --group),
    such as two headlines of one test. Pairs show what a text does, apart from who wrote it; half of them are right by
    chance. Of texts that the head was fitted to, many more: give others.

    --json prints {"version": 1, "name", "pairs", "level", "head": {"ordered", "low", "high"}, "reader", "stacked"}.
    """
    if (more is None) == (value is None):
        raise click.UsageError("say which text has more: --more COLUMN for pairs, or --value COLUMN and --group COLUMN")
    if (value is None) != (group is None) or (of is not None and value is None) or (least_z and of is None):
        raise click.UsageError("--value goes with --group, --of with --value, and --least-z with --of")
    if more is not None:
        pairs = _marked(file, first, second, more)
    else:
        assert value is not None and group is not None
        pairs = _grouped(file, column, value, of, group_columns(group), least_z)
    space = options.open_space(model)
    from latentopt.heads import load_fitted
    from latentopt.heads.pairs import pairs_report

    fitted = load_fitted(name, space)
    if label is None and len(fitted.head.classes) > 2:
        raise click.UsageError(f"{name} has the classes {', '.join(fitted.head.classes)}; --class says which is meant")
    if label is None and fitted.head.classes:
        label = fitted.head.classes[1]
        stderr().print(f"more is of the class {label}; --class names the other", style="dim", markup=False)
    clusters = len(set(pairs.cluster.tolist()))
    if clusters < FEW:
        warn(f"the pairs are of {clusters} groups alone: the intervals are too narrow")
    with stderr().status(f"predicting {len(pairs):,} pairs"):
        report = pairs_report(space, fitted, pairs, label=label, seed=seed)
    if as_json:
        print_json({"version": 1, "name": name, **report})
    else:
        _print(report)


def _marked(file: Path, first: str, second: str, more: str) -> Pairs:
    """Read pairs of two columns of texts and one that says which has more."""
    from latentopt.heads.pairs import marked_pairs
    from latentopt.tables import read_table

    table = read_table(file, columns=[first, second, more], reading=options.chosen_reading())
    frame = options.usable(table.only_texts(first).only_texts(second)).frame
    return marked_pairs(frame[first].tolist(), frame[second].tolist(), frame[more].tolist())


def _print(report: dict[str, Any]) -> None:
    """Print who orders how many pairs rightly."""
    from rich.table import Table as Grid

    say = stdout()
    grid = Grid(
        f"{report['pairs']:,} pairs", "ordered rightly", f"{report['level']:.0%} interval", box=None, pad_edge=False
    )
    for column in grid.columns[1:]:
        column.justify = "right"
    for key, whose in WHOSE.items():
        if key in report:
            found = report[key]
            grid.add_row(whose, f"{found['ordered']:.1%}", f"{found['low']:.1%} to {found['high']:.1%}")
    say.print(grid)


def _grouped(file: Path, column: str, value: str, of: str | None, group: list[str], least_z: float) -> Pairs:
    """Make pairs of the rows of one group."""
    import numpy as np

    from latentopt.heads.pairs import grouped_pairs
    from latentopt.heads.values import rates_of, values_of, with_values
    from latentopt.tables import read_table

    columns = [column, value, *([of] if of else []), *group]
    if len(set(columns)) < len(columns):
        raise click.UsageError(f"--column, --value, --of and --group name the same column ({', '.join(columns)})")
    table = read_table(file, columns=columns, reading=options.chosen_reading()).only_texts(column)
    raw = table.frame[value].tolist()
    read = values_of(raw, kind="numbers") if of is None else rates_of(raw, table.frame[of].tolist())
    table = options.usable(with_values(table, value, read))
    frame = table.frame
    rates = frame[value].to_numpy(dtype=float)
    errors = None
    if of is not None:
        trials = values_of(frame[of].tolist(), kind="numbers").values
        errors = np.sqrt(rates * (1 - rates) / trials)
    return grouped_pairs(frame[column].tolist(), rates, groups_of(table, group), errors=errors, least_z=least_z)

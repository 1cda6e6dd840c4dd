"""`latentopt direction`: mine a direction from pairs of texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentopt.cli import options
from latentopt.cli.output import print_json, stderr, stdout, warn

if TYPE_CHECKING:
    from latentopt.directions import Mining
    from latentopt.tables import Table

SUFFIX = ".safetensors"
DOUBTFUL = 0.05


@click.command(short_help="Mine a direction from pairs of texts.")
@click.option(
    "--pairs",
    required=True,
    type=click.Path(path_type=Path),
    help="A .csv, .jsonl or .parquet file of pairs of texts; - is standard input.",
)
@click.option("--source-column", default="source", show_default=True, help="Column of the texts to start from.")
@click.option("--target-column", default="target", show_default=True, help="Column of the texts to arrive at.")
@click.option("--name", help="Name of the direction. [default: the name of the output, or of the pairs, file]")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The .safetensors file to write. [default: NAME.safetensors]",
)
@click.option("--limit", type=click.IntRange(min=1), help="Use this many pairs, drawn at random. [default: all]")
@click.option(
    "--permutations",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Draws of the permutation test; p is never below 1 / (1 + draws).",
)
@click.option(
    "--calibrate",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="Held-out texts that are edited at every strength to choose one; each takes seconds.",
)
@options.reading
@options.model
@options.seed
@options.as_json
def direction(
    pairs: Path,
    source_column: str,
    target_column: str,
    name: str | None,
    output: Path | None,
    limit: int | None,
    permutations: int,
    calibrate: int,
    model: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Mine what the targets of pairs have and their sources have not, and save it as a direction.

    Says how consistent the differences are on held-out pairs, with a permutation test, which strength works, and
    shows held-out edits. `latentopt apply` then moves other texts along the direction.
    """
    if source_column == target_column:
        raise click.UsageError(f"--source-column and --target-column are both {source_column!r}; give two columns")
    name = name or (output.stem if output else "direction" if str(pairs) == "-" else pairs.stem)
    output = output or Path(f"{name}{SUFFIX}")
    if output.suffix != SUFFIX:
        raise click.UsageError(f"--output {output}: the name of a direction's file ends in {SUFFIX}")
    table = _read(pairs, source_column, target_column)
    if limit is not None and limit < len(table):
        table = replace(table, frame=table.frame.sample(limit, random_state=seed).sort_index())
    from latentopt.directions import mine

    space = options.open_space(model)
    with stderr().status(f"mining {name} from {len(table):,} pairs"):
        found = mine(
            space,
            table.frame[source_column].tolist(),
            table.frame[target_column].tolist(),
            name=name,
            calibrate_on=calibrate,
            permutations=permutations,
            seed=seed,
        )
    found.direction.save_pretrained(output)
    if as_json:
        print_json({"version": 1, "direction": _as_json(found, output)})
    else:
        _print_report(found)
    if found.consistency.cosine_p > DOUBTFUL:
        warn(
            f"the pairs may have no direction in common (p = {found.consistency.cosine_p:.2g}); read the edits closely"
        )
    if not as_json:
        at = "" if model is None else f" --model {model}"
        click.echo(f'wrote {output}; next: latentopt apply {output}{at} "a text of yours"', err=True)


def _read(pairs: Path, source_column: str, target_column: str) -> Table:
    from latentopt.tables import read_table

    columns = [source_column, target_column]
    table = read_table(pairs, columns=columns, reading=options.chosen_reading())
    table = table.only_texts(source_column).only_texts(target_column)
    same = [a == b for a, b in table.frame[columns].itertuples(index=False)]
    return options.usable(
        table.checked(target_column, [f"is the same as {source_column}" if s else None for s in same])
    )


def _as_json(found: Mining, output: Path) -> dict[str, Any]:
    return {
        "name": found.direction.name,
        "file": str(output),
        "strength": found.direction.strength,
        "pairs": found.direction.statistics["pairs"],
        "sources": found.direction.statistics["sources"],
        "consistency": found.consistency.to_json(),
        "strengths": found.calibration.to_json(),
        "examples": [vars(example) for example in found.examples],
    }


def _print_report(found: Mining) -> None:
    from rich.table import Table as Grid
    from rich.text import Text

    say, direction, measured = stdout(), found.direction, found.consistency
    lines = [
        f"{direction.name}: {direction.statistics['pairs']:,} pairs of {direction.statistics['sources']:,} sources",
        "",
        f"Held-out pairs, against the direction of the others ({measured.permutations:,} permutations):",
        f"  mean cosine         {measured.cosine:6.3f}   p = {measured.cosine_p:.2g}",
        f"  move the right way  {measured.right_way:6.1%}   p = {measured.right_way_p:.2g}",
        "",
    ]
    say.print("\n".join(lines), markup=False, soft_wrap=True)

    grid = Grid("strength", "realised", "content", "changed", "balance", "", box=None, pad_edge=False)
    for row in found.calibration.rows:
        chosen = "<- chosen" if row.strength == direction.strength else ""
        shares = f"{row.realised:.2f}", f"{row.content:.2f}", f"{row.changed:.0%}", f"{row.balance:.2f}"
        grid.add_row(f"{row.strength:g}", *shares, chosen)
    for column in grid.columns[:-1]:
        column.justify = "right"
    say.print(grid)
    say.print(
        "realised: how far the edits moved when encoded again, 1 is the mean difference; content: chrF to the source;\n"
        "changed: share that moving changed; balance: of the way moved and the content kept, the highest is chosen\n",
        style="dim",
        soft_wrap=True,
    )
    say.print(f"Held-out texts at strength {direction.strength:g}:")
    for example in found.examples:
        for label, text in vars(example).items():
            style = "" if label == "edited" else "dim"
            say.print(Text(f"  {label:<7} {' '.join(text.split())}", style=style), soft_wrap=True)
        say.print()

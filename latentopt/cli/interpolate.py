"""`latentopt interpolate`: the texts between two texts."""

from __future__ import annotations

from pathlib import Path

import click

from latentopt.cli import options
from latentopt.cli.output import print_json, print_lines, write


@click.command(short_help="Write the texts between two texts.")
@click.argument("pair", nargs=-1, metavar="[SOURCE TARGET]")
@click.option(
    "--input",
    "file",
    type=options.SomePath(path_type=Path),
    help="Read pairs from a .csv, .jsonl or .parquet file with columns source and target; - is standard input.",
)
@click.option(
    "--steps", type=click.IntRange(min=2), default=11, show_default=True, help="Texts on each path, with both ends."
)
@options.reading
@options.model
@options.as_json
@options.output
def interpolate(
    pair: tuple[str, ...], file: Path | None, steps: int, model: str | None, as_json: bool, output: Path | None
) -> None:
    """Write the texts on the way from the latent of SOURCE to that of TARGET, an arc around the origin.

    The first and last line are what the model makes of the two texts themselves. The paths of several pairs are
    separated by an empty line.
    """
    import pandas

    from latentopt.tables import Table, read_table

    if (len(pair) == 2) == (file is not None) or len(pair) not in (0, 2):
        raise click.UsageError("give two texts, SOURCE and TARGET, or pairs with --input FILE")
    names = ["source", "target"]
    if file is None:
        table = Table(pandas.DataFrame([pair], columns=names, index=pandas.Index([1], name="row")), name="arguments")
    else:
        table = read_table(file, columns=names, reading=options.chosen_reading())
    table = options.usable(table.only_texts("source").only_texts("target"))
    space = options.open_space(model)
    paths = space.interpolate(table.frame["source"].tolist(), table.frame["target"].tolist(), steps=steps)
    frame = table.frame.assign(texts=pandas.Series(paths, table.frame.index)).reset_index()
    if output is not None:
        rows = frame.rename(columns={"texts": "text"}).explode("text", ignore_index=True)
        rows.insert(3, "step", [*range(steps)] * len(paths))
        write(rows, output)
    elif as_json:
        print_json({"version": 1, "paths": frame.to_dict("records")})
    else:
        for number, path in enumerate(paths):
            print_lines([""] * bool(number) + path)

"""`latentopt decode`: latents to texts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from latentopt.cli import options
from latentopt.cli.output import print_json, print_lines
from latentopt.cli.streaming import Destination, stream, streaming

if TYPE_CHECKING:
    from latentopt.tables import Table

CHUNK = 4  # batches that are kept together


@click.command
@click.argument("file", default="-", type=options.SomePath(path_type=Path))
@click.option("--column", default="z", show_default=True, help="Column of the file that holds the latents.")
@options.reading
@options.model
@options.num_beams
@options.temperature
@options.top_p
@options.seed
@options.as_json
@options.batch_size
@streaming
def decode(
    file: Path,
    column: str,
    model: str | None,
    num_beams: int,
    temperature: float | None,
    top_p: float,
    seed: int,
    as_json: bool,
    batch_size: int,
    to: Destination | None,
) -> None:
    """Turn latents into texts.

    FILE is a .parquet or .jsonl file as `latentopt encode` writes it; - or nothing reads standard input. Prints one
    text a line, a line break inside a text as a space; --json keeps it.
    """
    from latentopt.tables import read_table

    if str(file) == "-" and sys.stdin.isatty():
        raise click.UsageError("give a FILE of latents, or pipe them in: latentopt encode TEXT | latentopt decode")
    if to is not None:
        from latentopt.batch import Decode, Input, Work

        def make() -> Work:
            return Decode(
                options.open_space(model),
                column=column,
                batch_size=batch_size,
                num_beams=num_beams,
                temperature=temperature,
                top_p=top_p,
                seed=seed,
            )

        source = Input(file, columns=[column], reading=options.chosen_reading(), shard=to.shard)
        stream(to, make, source, chunk=CHUNK * batch_size, depends=[model])
        return
    table = read_table(file, columns=[column], reading=options.chosen_reading())
    space = options.open_space(model)
    table = options.usable(_only_latents(table, column, space.latent_dim))
    import torch

    texts = space.decode(
        torch.tensor(table.frame[column].tolist(), dtype=torch.float32),
        batch_size=batch_size,
        num_beams=num_beams,
        temperature=temperature,
        top_p=top_p,
        seed=seed,
    )
    frame = table.frame.assign(text=texts)[["text"]].reset_index()
    if as_json:
        print_json({"version": 1, "texts": frame.to_dict("records")})
    else:
        print_lines(texts)


def _only_latents(table: Table, column: str, latent_dim: int) -> Table:
    """Return the table without the rows that hold no latent (d,) of finite numbers."""
    from latentopt.batch.work import latent_fault

    return table.checked(column, [latent_fault(value, latent_dim) for value in table.frame[column].tolist()])

"""`latentopt encode`: texts to latents."""

from __future__ import annotations

from pathlib import Path

import click

from latentopt.cli import options
from latentopt.cli.output import print_json
from latentopt.cli.streaming import Destination, stream, streaming

CHUNK = 16  # batches that are kept together


@click.command
@options.texts
@options.model
@options.as_json
@options.batch_size
@streaming
def encode(
    texts: tuple[str, ...],
    file: Path | None,
    column: str,
    model: str | None,
    as_json: bool,
    batch_size: int,
    to: Destination | None,
) -> None:
    """Turn texts into latents.

    Prints one JSON object a line, with the text and its latent "z", which `latentopt decode` reads. In a Parquet file,
    z is a list of float32.
    """
    if to is not None:
        if to.output.suffix.lower() in (".csv", ".txt"):
            raise click.UsageError(f"--output {to.output}: latents are written to .parquet or .jsonl")
        from latentopt.batch import Encode, Work

        source = options.take_input(texts, file, column, to.shard)

        def make() -> Work:
            return Encode(options.open_space(model), column=source.columns[0], batch_size=batch_size)

        stream(to, make, source, chunk=CHUNK * batch_size, depends=[model])
        return
    table = options.take_texts(texts, file, column)
    from latentopt.tables import json_line

    space = options.open_space(model)
    z = space.encode(table.frame["text"].tolist(), batch_size=batch_size)
    frame = table.frame.assign(z=list(z.numpy())).reset_index()
    if as_json:
        print_json({"version": 1, "latents": frame.to_dict("records")}, indent=None)
    else:
        for row in frame.to_dict("records"):
            click.echo(json_line(row))  # not by print_lines: the texts stay as they are

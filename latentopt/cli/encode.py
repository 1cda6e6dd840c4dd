"""`latentopt encode`: texts to latents."""

from __future__ import annotations

from pathlib import Path

import click

from latentopt.cli import options
from latentopt.cli.output import print_json, print_lines, write


@click.command
@options.texts
@options.model
@options.as_json
@options.output
@options.batch_size
def encode(
    texts: tuple[str, ...],
    file: Path | None,
    column: str,
    model: str | None,
    as_json: bool,
    output: Path | None,
    batch_size: int,
) -> None:
    """Turn texts into latents.

    Prints one JSON object a line, with the text and its latent "z", which `latentopt decode` reads. In a Parquet file,
    z is a list of float32.
    """
    table = options.take_texts(texts, file, column)
    if output is not None and output.suffix.lower() in (".csv", ".txt"):
        raise click.UsageError(f"--output {output}: latents are written to .parquet or .jsonl")
    from latentopt.tables import json_line

    space = options.open_space(model)
    z = space.encode(table.frame["text"].tolist(), batch_size=batch_size)
    frame = table.frame.assign(z=list(z.numpy())).reset_index()
    if output is not None:
        write(frame, output)
    elif as_json:
        print_json({"version": 1, "latents": frame.to_dict("records")}, indent=None)
    else:
        print_lines(json_line(row) for row in frame.to_dict("records"))

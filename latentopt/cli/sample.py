"""`latentopt sample`: texts from random latents."""

from __future__ import annotations

from pathlib import Path

import click

from latentopt.cli import options
from latentopt.cli.output import print_json, print_lines, write


@click.command(short_help="Write texts from random latents.")
@click.option("-n", "--count", type=click.IntRange(min=1), default=5, show_default=True, help="How many texts.")
@options.model
@options.temperature
@options.seed
@options.as_json
@options.output
def sample(
    count: int, model: str | None, temperature: float | None, seed: int, as_json: bool, output: Path | None
) -> None:
    """Write texts from latents drawn at random: what the model takes for typical."""
    space = options.open_space(model)
    texts = space.sample(count, seed=seed, temperature=temperature)
    if output is not None:
        import pandas

        write(pandas.DataFrame({"text": texts}), output)
    elif as_json:
        print_json({"version": 1, "texts": [{"text": text} for text in texts]})
    else:
        print_lines(texts)

"""`latentopt app`: the page in a browser."""

from __future__ import annotations

import os
import warnings
from importlib.util import find_spec
from pathlib import Path

import click

from latentopt.cli import options
from latentopt.cli.output import stderr, warn
from latentopt.errors import LatentoptError, TruncationWarning

OFFLINE = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}  # read by Gradio at import


@click.command(short_help="Edit texts on a page in the browser.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 is any.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on. [default: the first free from 7860]")
@click.option(
    "--head",
    "heads",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Directory of a head made by `latentopt fit`, beside those of the model. Repeatable.",
)
@click.option(
    "--corpus",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File of texts that the map shows to those who give none: everybody who uses the page can read them.",
)
@click.option("--column", default="text", show_default=True, help="Column of --corpus that holds the texts.")
@click.option("--colour", default="", metavar="COLUMN", help="Column of --corpus with numbers that colour the map.")
@options.model
def app(
    host: str,
    port: int | None,
    heads: tuple[Path, ...],
    corpus: Path | None,
    column: str,
    colour: str,
    model: str | None,
) -> None:
    """Serve a page on which texts are edited: edits, a map of latents, strength sweeps, the way between two texts.

    It listens on this machine alone unless --host says otherwise, asks no other host for anything, and cannot read
    files but those that are given to it. Ctrl-C ends it. Needs `pip install 'latentopt[app]'`.
    """
    if find_spec("gradio") is None:
        raise LatentoptError("the page needs Gradio; install it: pip install 'latentopt[app]'")
    os.environ.update(OFFLINE)
    from latentopt.web.desk import Desk
    from latentopt.web.line import Line
    from latentopt.web.maps import read_corpus
    from latentopt.web.page import page
    from latentopt.web.server import LOCAL, serve

    shown = None if corpus is None else read_corpus(str(corpus), column, colour)
    desk, line = Desk(options.open_space(model), heads=heads), Line()
    warnings.simplefilter("ignore", TruncationWarning)  # the page says it to whom it concerns
    served = serve(page(desk, line, corpus=shown), host=host, port=port)
    if host not in LOCAL:
        warn(f"{host}: whoever can reach this machine can use the page; there is no password")
    stderr().print(f"the page is at {served.url} (Ctrl-C ends it)", markup=False, soft_wrap=True)
    try:
        line.run()
    finally:
        served.close()

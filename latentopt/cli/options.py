"""Options and inputs that several verbs share, so that they are spelled, explained and checked the same."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from latentopt.cli.output import report_row_errors, stderr
from latentopt.errors import LatentoptError
from latentopt.tables import FORMATS, Reading, read_texts, suffix

if TYPE_CHECKING:
    from latentopt.batch import Input
    from latentopt.space import LatentSpace
    from latentopt.tables import Table

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]


def compose(*decorators: Decorator[Any]) -> Decorator[Any]:
    """Return one decorator that adds several options, shown in --help in this order."""

    def decorate(command: Any) -> Any:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def _writable(ctx: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """Refuse an output name without a known suffix before the work, not after it."""
    if value is not None:
        try:
            suffix(value)
        except LatentoptError as error:
            raise click.BadParameter(str(error)) from error
    return value


class SomePath(click.Path):
    """A path that is not empty, as that of a variable which is not set: Python takes that for the working folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; a usage error where there is none."""
        if not str(value):
            self.fail("no file is named; a variable may be empty", param, ctx)
        return super().convert(value, param, ctx)


READING = "latentopt.reading"  # where a command's context keeps what was said of files
THREADS = "latentopt.threads"  # and of threads


def _said(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Keep one of the options below for `chosen_reading`, so that no verb has to hand it on."""
    ctx.meta.setdefault(READING, {})[parameter.name] = value
    return value


def _one_character(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    value = {"tab": "\t", "\\t": "\t"}.get(value or "", value)
    if value is not None and (len(value) != 1 or value in '"\r\n'):
        raise click.BadParameter(f"{value!r}: a delimiter is one character, such as ; or tab")
    return _said(ctx, parameter, value)


def _encoding(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        try:
            "".encode(value)
        except LookupError as error:
            raise click.BadParameter(f"{value}: there is no such encoding; try utf-8, utf-16 or cp1252") from error
    return _said(ctx, parameter, value)


reading = compose(
    click.option(
        "--format",
        type=click.Choice(list(FORMATS)),
        callback=_said,
        expose_value=False,
        help="What the file is. [default: by its name, or by looking]",
    ),
    click.option(
        "--delimiter",
        callback=_one_character,
        expose_value=False,
        metavar="CHAR",
        help="What sets fields apart in csv: , ; | or tab. [default: by looking]",
    ),
    click.option(
        "--encoding",
        callback=_encoding,
        expose_value=False,
        metavar="NAME",
        help="Encoding of the file, such as cp1252. [default: UTF-8, or UTF-16 by its first bytes]",
    ),
    click.option(
        "--no-header",
        is_flag=True,
        callback=_said,
        expose_value=False,
        help="The file does not begin with the names of its columns; they are called 1, 2, 3.",
    ),
)


def _threads(ctx: click.Context, parameter: click.Parameter, value: int | None) -> int | None:
    if value is not None:
        os.environ["OMP_NUM_THREADS"] = str(value)  # of processes that this one starts
        ctx.meta[THREADS] = value
    return value


def use_threads() -> None:
    """Compute with as many threads as the command that runs was told, if it was."""
    ctx = click.get_current_context(silent=True)  # a worker of Ray runs none, and reads the environment
    if ctx is not None and THREADS in ctx.meta:
        import torch  # not before there is something to compute

        torch.set_num_threads(ctx.meta[THREADS])


def json_document(version: int) -> Decorator[Any]:
    """Return the option --json of a verb whose document is of this version."""
    return click.option(
        "--json", "as_json", is_flag=True, help=f'Print one JSON document, {{"version": {version}, ...}}.'
    )


threads = click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    expose_value=False,
    callback=_threads,
    help="Compute with this many threads. [default: one a core]",
)
model = compose(
    click.option(
        "--model",
        metavar="DIR",
        help="Directory of a model made by `latentopt train`, or a hub name. [default: bundled]",
    ),
    threads,
)
texts = compose(
    click.argument("texts", nargs=-1, metavar="[TEXT]..."),
    click.option(
        "--input",
        "file",
        type=SomePath(path_type=Path),
        help="Read the texts from a .csv, .tsv, .json, .jsonl, .parquet or .txt file, also .gz or .zst, from a folder "
        "of such, or a 'pattern*'; - is standard input.",
    ),
    click.option(
        "--column",
        default="text",
        show_default=True,
        help="Column of the file that holds the texts; a.b is b in the object a.",
    ),
    reading,
)
as_json = json_document(1)
output = click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_writable,
    help="Write a .parquet, .jsonl, .csv or .txt file instead of printing.",
)
batch_size = click.option(
    "--batch-size", type=click.IntRange(min=1), default=64, show_default=True, help="Texts that are computed together."
)
seed = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of all draws.")
temperature = click.option(
    "--temperature",
    type=click.FloatRange(min=0, min_open=True),
    help="Draw tokens at this temperature. [default: take the likeliest]",
)
num_beams = click.option(
    "--num-beams", type=click.IntRange(min=1), default=1, show_default=True, help="Beams of the search; 1 is greedy."
)
top_p = click.option(
    "--top-p",
    type=click.FloatRange(min=0, max=1, min_open=True),
    default=1.0,
    show_default=True,
    help="With --temperature: draw from the likeliest tokens that have this share of the probability.",
)


def chosen_reading() -> Reading:
    """How the command that runs was told to read files."""
    said = click.get_current_context().meta.get(READING, {})
    return Reading(
        format=said.get("format"),
        delimiter=said.get("delimiter"),
        encoding=said.get("encoding"),
        header=not said.get("no_header"),
    )


def open_space(model: str | None) -> LatentSpace:
    """Load the model of a verb; nothing asks the network for one that lies on this machine."""
    use_threads()
    local = model is None or Path(model).is_dir()
    if local:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when huggingface_hub is imported, below
    with stderr().status("loading the model" if local else f"looking for {model} on the Hugging Face hub"):
        from transformers.utils import logging

        from latentopt.space import LatentSpace

        logging.disable_progress_bar()  # a download shows its progress, by huggingface_hub; reading a file need not
        return LatentSpace.from_pretrained(model)


def take_texts(texts: Sequence[str], file: Path | None, column: str) -> Table:
    """Return the texts of a verb in the column "text", having warned of the rows that were left out.

    Raises click.UsageError when texts come from two sides or from none, LatentoptError when no row is left.
    """
    _check_sides(texts, file)
    return usable(read_texts(texts, file, column, chosen_reading()))


def take_input(
    texts: Sequence[str], file: Path | None, column: str, shard: tuple[int, int], more: Sequence[str] = ()
) -> Input:
    """Return the texts of a verb as rows to stream; columns: that of the texts, and more that must be there.

    Raises click.UsageError when texts come from two sides or from none.
    """
    from latentopt.batch import Input

    _check_sides(texts, file)
    if texts:
        return Input(None, texts=texts, columns=["text", *more], shard=shard)
    path = "-" if file is None else file
    return Input(path, columns=[column, *more], reading=chosen_reading(), shard=shard)


def _check_sides(texts: Sequence[str], file: Path | None) -> None:
    if texts and file is not None:
        raise click.UsageError("texts were given as arguments and with --input; give them in one way")
    if not texts and (file is None or str(file) == "-") and sys.stdin.isatty():
        raise click.UsageError("give texts as arguments, with --input FILE, or pipe them in, one a line")


def usable(table: Table) -> Table:
    """Return the table, having warned of the rows that were left out; LatentoptError when no row is left."""
    report_row_errors(table)
    if not len(table):
        raise LatentoptError(f"{table.name}: no row is left to work on; give at least one text that is not empty")
    return table

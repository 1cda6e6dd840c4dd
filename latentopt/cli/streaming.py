"""What verbs share that work on many rows and write a file: options, progress, and what is said when they stop."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentopt.cli import options
from latentopt.cli.output import stderr, warn
from latentopt.errors import LatentoptError

if TYPE_CHECKING:
    from latentopt.batch import Input, Report, Work

EVERY = 30.0  # seconds between two lines of progress where nobody sees a bar
# What does not change what a row gives, or is known by its content.
APART = {"texts", "file", "latents", "output", "resume", "engine", "workers", "as_json", "shard"}


@dataclass(frozen=True)
class Destination:
    """Where many rows go, and how they are worked on, by the names of the options."""

    output: Path
    resume: bool
    shard: tuple[int, int]
    engine: str
    workers: int


def _shard(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int]:
    if value is None:
        return 1, 1
    found = re.fullmatch(r"(\d+)/(\d+)", value)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise click.BadParameter(f"{value}: a shard is written I/N, the I-th of N, such as 1/8")
    return int(found[1]), int(found[2])


_OPTIONS = options.compose(
    options.output,
    click.option("--resume", is_flag=True, help="With --output: go on where the same command was interrupted."),
    click.option(
        "--shard",
        callback=_shard,
        metavar="I/N",
        help="With --output: every N-th row, from the I-th on.",
    ),
    click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="With --output: where rows are worked on; ray is a cluster (pip install 'latentopt[ray]').",
    ),
    click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="With --engine ray."),
)


def streaming(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a verb that can write a file; the verb gets them as one value, `to`, None where it prints."""

    @wraps(command)
    def collected(**given: Any) -> Any:
        asked = {field.name: given.pop(field.name) for field in fields(Destination)}
        if asked["output"] is None:
            ctx = click.get_current_context()
            for name in ("resume", "shard", "engine", "workers"):
                if ctx.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
                    raise click.UsageError(f"--{name} is for results in a file; name it with --output")
            return command(to=None, **given)
        return command(to=Destination(**asked), **given)

    return _OPTIONS(collected)


best_option = click.option("--best", is_flag=True, help="With --output: a row for each text, its best candidate.")


def stream(
    to: Destination,
    make: Callable[[], Work],
    source: Input,
    *,
    chunk: int,
    depends: Sequence[str | Path | None] = (),
    more: Sequence[str] = (),
) -> Report:
    """Work on the rows of a verb and write its file; errors of rows are warnings, an interruption says how to go on.

    Args:
        to: where to. make: makes the work. source: the rows.
        chunk: rows that are worked on together.
        depends: models, heads and directions that the results hang on, by name or path.
        more: what else they hang on, in words.
    """
    from latentopt.batch import OnRay, in_this_process, part_of, run

    engine: Any = OnRay(to.workers) if to.engine == "ray" else in_this_process
    try:
        with _progress() as progress:
            report = run(
                make,
                source,
                to.output,
                settings={**_settings(depends), "more": list(more)},
                chunk=chunk,
                resume=to.resume,
                engine=engine,
                progress=progress,
            )
    except KeyboardInterrupt:
        click.echo(f"interrupted: {_kept(to.output)}", err=True)
        raise
    except OSError as error:
        if error.strerror is None:
            raise
        if not part_of(to.output).exists():
            raise LatentoptError(f"{to.output}: {error.strerror}; name another --output") from error
        raise LatentoptError(f"{error.filename or to.output}: {error.strerror}; {_kept(to.output)}") from error
    if not report.fresh:
        click.echo(f"{to.output} is finished; nothing to do", err=True)
        return report
    for row in report.errors:
        warn(f"{row.file}, row {row.number}: {row.error}")
    if (others := report.faulty - len(report.errors)) > 0:
        warn(f"{others:,} more rows have an error")
    resumed = f", {report.resumed:,} of them before" if report.resumed else ""
    lines_only = to.output.suffix.lower() == ".txt"  # has no place for errors
    written = report.records - report.faulty if lines_only else report.records
    click.echo(f"wrote {written:,} rows to {to.output}{resumed}", err=True)
    return report


def _kept(output: Path) -> str:
    from latentopt.batch import kept_rows, part_of

    again = "the same command with --resume goes on"
    return f"{kept_rows(output):,} rows are kept in {part_of(output)}; {again}"


def _settings(depends: Sequence[str | Path | None]) -> dict[str, Any]:
    """What the results of this command hang on, apart from its input: the verb, its options, the files it names."""
    ctx = click.get_current_context()
    given = {name: value for name, value in ctx.params.items() if name not in APART}
    digests = {str(name): digest for name in depends if name is not None and (digest := _digest(Path(name)))}
    plain = {name: str(value) for name, value in given.items() if value not in (None, ())}
    return {"verb": ctx.info_name, **plain, "files": digests}


def _digest(path: Path) -> str | None:
    """SHA-256 of a file, or of the files in a folder, 16 digits; checkpoints, hidden files and folders left aside."""
    if not path.exists():
        return None
    found = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        inside = file.relative_to(path).parts
        if file.is_file() and not any(part.startswith((".", "checkpoint")) for part in inside):
            found.update(str(file.relative_to(path)).encode() + b"\0")
            with file.open("rb") as content:
                while block := content.read(1 << 20):
                    found.update(block)
    return found.hexdigest()[:16]


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show how many rows are done: as a bar, or as a line each half minute where nobody looks at a terminal."""
    if stderr().is_terminal:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        rate = TextColumn("{task.fields[rate]}")
        bar = Progress(BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn(), console=stderr())
        task = bar.add_task("rows", rate="")
        told = Told()

        def show(done: int, total: int) -> None:
            if told.first is not None:  # not before the model is loaded, which has a display of its own
                bar.start()
            bar.update(task, completed=done, total=total, rate=told.rate(done))

        try:
            yield show
        finally:
            bar.stop()
    else:
        yield Told().line


class Told:
    """What was said of progress, and when."""

    def __init__(self) -> None:
        self.first: tuple[float, int] | None = None
        self.said = time.monotonic()

    def rate(self, done: int) -> str:
        speed = self._speed(done)
        return f"{speed:.3g} a second" if speed else ""

    def line(self, done: int, total: int) -> None:
        """Print how many rows are done, unless that was done a moment ago, or somebody looks at a bar."""
        words = self.words(done, total)
        if not stderr().is_terminal and time.monotonic() - self.said >= EVERY:
            self.said = time.monotonic()
            click.echo(words, err=True)

    def words(self, done: int, total: int) -> str:
        """How many rows are done, how fast, and how long the others will take."""
        speed = self._speed(done)
        left = f", {speed:.3g} a second, {_span((total - done) / speed)} left" if speed else ""
        return f"{done:,} of {total:,} rows{left}"

    def _speed(self, done: int) -> float:
        """Rows a second of this run."""
        now = time.monotonic()
        if self.first is None:
            self.first = (now, done)
        begun, before = self.first
        return (done - before) / (now - begun) if now > begun else 0.0


def _span(seconds: float) -> str:
    minutes, hours = seconds / 60, seconds / 3600
    if hours >= 48:
        return f"{hours / 24:.0f} days"
    if hours >= 2:
        return f"{hours:.0f} h"
    return f"{minutes:.0f} min" if minutes >= 2 else f"{seconds:.0f} s"

"""`latentopt direction`: mine a direction from pairs of texts, from labelled texts, or from a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from latentopt.cli import options
from latentopt.cli.examples import Given
from latentopt.cli.mined import mined_json, print_discovered, print_mined
from latentopt.cli.output import draw, print_json, stderr, warn
from latentopt.directions.methods import METHODS
from latentopt.directions.miners import MINERS

if TYPE_CHECKING:
    from latentopt.directions import Direction, Mining
    from latentopt.space import LatentSpace

SUFFIX = ".safetensors"
FIGURES = (".png", ".svg", ".pdf")
TOLD = ("pairs", "labels")  # what is mined from; --discover is not told what to look for
OF = {  # options that are for some kinds of examples alone
    "source_column": ("pairs",),
    "target_column": ("pairs",),
    "same_typing": ("pairs",),
    "column": ("labels", "discover"),
    "target": ("labels",),
    "miner": TOLD,
    "clear": TOLD,
    "permutations": TOLD,
    "calibrate": TOLD,
    "effort": TOLD,
    "figure": TOLD,
    "components": ("discover",),
    "method": ("discover",),
}


file = options.SomePath(path_type=Path)


@click.command(short_help="Mine a direction from pairs of texts, or from labelled ones.")
@click.option("--pairs", type=file, help="A file of pairs of texts that differ in one way; - is standard input.")
@click.option("--labels", type=file, help="A file of texts of two kinds, which are no pairs; see --label.")
@click.option("--discover", type=file, help="A file of texts: directions along which they differ most are looked for.")
@click.option("--source-column", default="source", show_default=True, help="Column of the texts to start from.")
@click.option("--target-column", default="target", show_default=True, help="Column of the texts to arrive at.")
@click.option(
    "--same-typing",
    is_flag=True,
    help="Type the targets of --pairs as their sources are: spaces before marks, capitals, a full stop at the end. The "
    "direction is then about words.",
)
@click.option("--column", default="text", show_default=True, help="Column of the texts of --labels and --discover.")
@click.option("--label", help="With --labels: the column that says which kind each text is of.")
@click.option("--target", help="With --labels: the label of texts to arrive at. [default: the second of two]")
@click.option("--name", help="Name of the direction. [default: the name of the output, or of the input, file]")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The .safetensors file to write. [default: NAME.safetensors; of --discover NAME-1, NAME-2, ...]",
)
@click.option("--limit", type=click.IntRange(min=1), help="Use this many rows, drawn at random. [default: all]")
@click.option(
    "--miner",
    type=click.Choice(list(MINERS)),
    default="shrunk",
    show_default=True,
    help="How it is found: the mean difference, as it is (mean), freed of noise (shrunk), or in its principal "
    "components; the normal of a probe (logistic, discriminant); a small network that says for each text (map).",
)
@click.option(
    "--clear",
    multiple=True,
    metavar="PROPERTY",
    help="A property that the direction shall not change: a head of the model, or length. Repeatable.",
)
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
    help="Held-out texts that are edited at every strength, to choose one and to judge; each takes seconds.",
)
@click.option(
    "--effort",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Multiple of the texts that are tried for each of these.",
)
@click.option("--figure", type=file, help="Draw the strength curve into a .png, .svg or .pdf file.")
@click.option(
    "--components", type=click.IntRange(min=1), default=8, show_default=True, help="Directions that --discover finds."
)
@click.option(
    "--method",
    type=click.Choice(list(METHODS)),
    default="principal",
    show_default=True,
    help="Of --discover: axes of the largest variance, or independent ones.",
)
@options.reading
@options.model
@options.seed
@options.as_json
def direction(
    pairs: Path | None,
    labels: Path | None,
    discover: Path | None,
    source_column: str,
    target_column: str,
    same_typing: bool,
    column: str,
    label: str | None,
    target: str | None,
    name: str | None,
    output: Path | None,
    limit: int | None,
    miner: str,
    clear: tuple[str, ...],
    permutations: int,
    calibrate: int,
    effort: float,
    figure: Path | None,
    components: int,
    method: str,
    model: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Mine what some texts have and others have not, and save it as a direction.

    Give --pairs of texts that differ in one way (best), --labels of two kinds of texts, or a corpus to --discover in.
    Says how consistent held-out examples are, with a permutation test, how many would have done, what else moves,
    which strength works, and by a judge of the words that has no part in the edits whether the direction works on
    texts. `latentopt apply` then moves other texts along it.
    """
    paths = {"pairs": pairs, "labels": labels, "discover": discover}
    named = {kind: path for kind, path in paths.items() if path is not None}
    if len(named) != 1:
        raise click.UsageError("give one of --pairs FILE, --labels FILE and --discover FILE")
    kind, path = next(iter(named.items()))
    if kind == "pairs" and source_column == target_column:
        raise click.UsageError(f"--source-column and --target-column are both {source_column!r}; give two columns")
    if (kind == "labels") != (label is not None):
        raise click.UsageError("--labels FILE --label COLUMN belong together")
    if label == column:
        raise click.UsageError(f"--column and --label are both {label!r}; give two columns")
    _check_options(kind)
    if figure is not None and figure.suffix.lower() not in FIGURES:
        raise click.UsageError(f"--figure {figure}: the name of a figure ends in {', '.join(FIGURES)}")
    given = Given(kind, path, source_column, target_column, column, label, target, limit, seed)
    name = name or (output.stem if output else given.stem)
    output = output or Path(f"{name}{SUFFIX}")
    if output.suffix != SUFFIX:
        raise click.UsageError(f"--output {output}: the name of a direction's file ends in {SUFFIX}")
    if kind == "discover":
        _discover(given, name, output, components, method, model, as_json)
        return
    sides = given.pairs() if kind == "pairs" else given.labelled()
    if kind == "pairs":
        sides = _typed(*sides, same_typing)
    space = options.open_space(model)
    with stderr().status(f"mining {name} from {len(sides[0]):,} and {len(sides[1]):,} texts"):
        found = _mined(given, space, sides, name, miner, clear, permutations, calibrate, effort)
    left_out = found.usable.wording  # of rows that were left out before, each was told when it was read
    found = given.counted(found)
    found.direction.save_pretrained(output)
    if figure is not None:
        from latentopt.directions.figure import strength_figure

        draw(strength_figure(found.calibration.rows, name=name, chosen=found.calibration.strength), figure)
    if left_out:
        warn(f"left out {left_out}")
    if as_json:
        print_json({"version": 1, "direction": mined_json(found, output)})
    else:
        print_mined(found)
    if not found.verdict.works:
        warn(f"{name}: {found.verdict.words}; {found.verdict.reason}; read the edits closely")
    if not as_json:
        at = "" if model is None else f" --model {model}"
        click.echo(f'wrote {output}; next: latentopt apply {output}{at} "a text of yours"', err=True)


def _typed(source: list[str], target: list[str], alike: bool) -> tuple[list[str], list[str]]:
    """The sides of pairs, typed alike if that is asked for; if not, what typing tells is said."""
    from latentopt.directions import pairs_typed_alike, telling_habits

    if alike:
        return pairs_typed_alike(source, target)
    if found := telling_habits(source, target):
        warn(f"{'; '.join(found)}: the direction will be about that, too; --same-typing evens it out")
    return source, target


def _check_options(kind: str) -> None:
    """Refuse what was asked for and would have no effect."""
    context = click.get_current_context()
    asked = [option for option in OF if context.get_parameter_source(option) == ParameterSource.COMMANDLINE]
    void = [f"--{option.replace('_', '-')}" for option in asked if kind not in OF[option]]
    if void:
        raise click.UsageError(f"--{kind} knows no {', '.join(void)}; leave {'it' if len(void) == 1 else 'them'} out")


def _mined(
    given: Given,
    space: LatentSpace,
    sides: tuple[list[str], list[str]],
    name: str,
    miner: str,
    clear: tuple[str, ...],
    permutations: int,
    calibrate: int,
    effort: float,
) -> Mining:
    from latentopt.directions import edited_by, mine, mine_labelled, readings_of
    from latentopt.editing import Effort

    return (mine if given.kind == "pairs" else mine_labelled)(
        space,
        *sides,
        name=name,
        miner=MINERS[miner](space),
        apply=edited_by(space, effort=Effort().scaled(effort)),
        calibrate_on=calibrate,
        permutations=permutations,
        readings=readings_of(space),
        clear=clear,
        seed=given.seed,
    )


def _discover(
    given: Given, name: str, output: Path, components: int, method: str, model: str | None, as_json: bool
) -> None:
    texts = given.corpus()
    space = options.open_space(model)
    from latentopt.directions import discover

    with stderr().status(f"looking for directions of {len(texts):,} texts"):
        found = discover(space, texts, name=name, components=components, method=METHODS[method], seed=given.seed)
    files = [_save(each.direction, output, number) for number, each in enumerate(found, start=1)]
    if as_json:
        rows = [each.to_json() | {"file": str(file)} for each, file in zip(found, files, strict=True)]
        print_json({"version": 1, "directions": rows})
    else:
        print_discovered(found)
        click.echo(f"wrote {files[0]} and {len(files) - 1:,} more", err=True)


def _save(found: Direction, output: Path, number: int) -> Path:
    path = output.with_name(f"{output.stem}-{number}{SUFFIX}")
    found.save_pretrained(path)
    return path

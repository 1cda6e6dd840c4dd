"""`latentopt optimize`: edit texts so that their properties are as wished."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentopt.cli import options
from latentopt.cli.output import print_json, stderr, stdout, warn
from latentopt.errors import LatentoptError

if TYPE_CHECKING:
    from latentopt.editing.edit import Edit, Estimate
    from latentopt.editing.objectives import Head, Wish
    from latentopt.space import LatentSpace

STATUS = {
    "reached": "these come nearer, and the first reaches what was wished for",
    "improved": "these come nearer, but none reaches what was wished for",
    "none_better": "no candidate is better than the text itself",
}


def _wanted(ctx: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> list[tuple[str, str]]:
    wanted = []
    for words in given:
        name, sign, value = words.partition("=")
        if not (name and sign and value):
            raise click.BadParameter(f"{words}: a target is written NAME=VALUE, such as likes=1000")
        wanted.append((name, value))
    return wanted


@click.command
@options.texts
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_wanted,
    help="Value that a property shall have, such as likes=1000; of a class its name or probability. Repeatable.",
)
@click.option("--maximize", multiple=True, metavar="NAME", help="Property that shall rise. Repeatable.")
@click.option("--minimize", multiple=True, metavar="NAME", help="Property that shall fall. Repeatable.")
@click.option(
    "--head",
    "heads",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of a head made by `latentopt fit`. Repeatable. [default: those of the model]",
)
@click.option(
    "--typical",
    type=click.FloatRange(min=0),
    help="Predict for an account whose texts typically get this. [default: the median account]",
)
@click.option(
    "--candidates",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Most candidates to show for each text.",
)
@click.option(
    "--starts", type=click.IntRange(min=1), default=4, show_default=True, help="Ways that are tried from each text."
)
@options.model
@options.as_json
@options.seed
def optimize(
    texts: tuple[str, ...],
    file: Path | None,
    column: str,
    targets: list[tuple[str, str]],
    maximize: tuple[str, ...],
    minimize: tuple[str, ...],
    heads: tuple[Path, ...],
    typical: float | None,
    candidates: int,
    starts: int,
    model: str | None,
    as_json: bool,
    seed: int,
) -> None:
    """Edit texts so that their properties are as wished.

    Every candidate is a text that was encoded and measured again: "realised" is what is predicted for it, with the
    interval in which nine of ten real values lie for texts like those that the head has seen; "promised" is what its
    latent had promised. Candidates are ranked
    by the realised values, their similarity to the source, how typical and how fluent they are.
    """
    names = [name for name, _ in targets] + [*maximize, *minimize]
    if not names:
        raise click.UsageError("say what the texts shall become, such as --target likes=1000 or --maximize sentiment")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise click.UsageError(f"{twice[0]} is wished for twice; give each property one wish")
    table = options.take_texts(texts, file, column)
    space = options.open_space(model)
    from latentopt.editing.editor import optimize_texts
    from latentopt.editing.objectives import Maximize, Minimize, Sum

    found = _Heads(space, heads, typical)
    wishes: list[Wish] = [found.target(name, value) for name, value in targets]
    wishes += [Maximize(found.one(name)) for name in maximize] + [Minimize(found.one(name)) for name in minimize]
    found.check_typical()
    sources = table.frame["text"].tolist()
    with stderr().status(f"editing {len(sources):,} texts") as status:
        edits = optimize_texts(
            space,
            sources,
            Sum([(1.0, wish) for wish in wishes]),
            candidates=candidates,
            starts=starts,
            seed=seed,
            progress=lambda done: status.update(f"edited {done:,} of {len(sources):,} texts"),
        )
    if as_json:
        rows = table.frame.index.tolist()
        edited = [{"row": row} | edit.to_json() for row, edit in zip(rows, edits, strict=True)]
        print_json({"version": 1, "edits": edited})
    else:
        for edit in edits:
            _print(edit)
        found.say_for_whom()


class _Heads:
    """The heads of a command line, loaded once each."""

    def __init__(self, space: LatentSpace, directories: Sequence[Path], typical: float | None) -> None:
        from latentopt.heads import bundled_heads, load_head

        self.known: dict[str, Any] = {}
        for directory in directories:
            head = load_head(directory, space)
            if (name := head.name or "property") in self.known:
                raise click.UsageError(f"--head {directory}: {name} was given twice; give one head for each property")
            self.known[name] = head
        self.bundled = [name for name in bundled_heads(space) if name not in self.known]
        self.space = space
        self.typical = typical

    def _load(self, name: str) -> Any:
        from latentopt.heads import bundled_head

        if name not in self.known:
            if name not in self.bundled:
                known = ", ".join(sorted([*self.known, *self.bundled])) or "none"
                raise click.UsageError(
                    f"{name}: there is no such property; known: {known}; `latentopt fit` makes one, --head DIR names it"
                )
            self.known[name] = bundled_head(name, self.space)
        head = self.known[name]
        if self.typical is not None and head.typical is not None:
            head = self.known[name] = head.with_typical(self.typical)
        return head

    def one(self, name: str) -> Head:
        """The property of a name; of a classifier with two classes the second."""
        head = self._load(name)
        classes = getattr(head, "classes_", None)
        if classes is not None and len(classes) != 2:
            labels = ", ".join(map(str, classes))
            raise click.UsageError(f"{name} has the classes {labels}; name one: --target {name}={classes[0]}")
        chosen: Head = head if classes is None else head.for_class(classes[1])
        return chosen

    def target(self, name: str, value: str) -> Wish:
        """The wish NAME=VALUE."""
        from latentopt.editing.objectives import AtLeast, Target

        head = self._load(name)
        classes = [str(label) for label in getattr(head, "classes_", [])]
        if value in classes:
            return AtLeast(head.for_class(value), 0.9)
        number = _number(name, value, classes)
        chosen = self.one(name)
        if classes and not 0 <= number <= 1:
            raise click.BadParameter(
                f"--target {name}={value}: the value must be a probability from 0 to 1, or one of {', '.join(classes)}"
            )
        try:
            wish = Target(chosen, number)
        except LatentoptError as error:
            raise click.BadParameter(f"--target {name}={value}: {error}") from error
        low, high = chosen.to_value(_tensor(head.score_range))
        if not classes and not low <= number <= high:
            warn(
                f"--target {name}={value}: almost all that the head has seen lies between {low:,.4g} and {high:,.4g}; "
                "what it predicts out there is a guess"
            )
        return wish

    def check_typical(self) -> None:
        """Refuse --typical where no wish is for a property that it could change."""
        if self.typical is not None and all(head.typical is None for head in self.known.values()):
            raise click.UsageError("--typical is for heads that were fitted with --group, and none of these was")

    def say_for_whom(self) -> None:
        """Tell which group a head with groups has predicted for."""
        for name, head in sorted(self.known.items()):
            if head.typical is not None:
                whose = "an account" if self.typical is not None else "the median account, one"
                stderr().print(
                    f"{name}: predicted for {whose} whose texts typically get {head.typical:,.0f}; "
                    "--typical VALUE predicts for another",
                    style="dim",
                    soft_wrap=True,
                )


def _tensor(values: Sequence[float]) -> Any:
    import torch

    return torch.tensor(values)


def _number(name: str, value: str, classes: Sequence[str]) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        or_class = f" or one of {', '.join(classes)}" if classes else ""
        instead = f"{name}={classes[1] if classes else 1000}"
        raise click.BadParameter(f"--target {name}={value}: the value must be a number{or_class}; try {instead}")
    return number


def _print(edit: Edit) -> None:
    """Print a text and what it could become, each candidate above what was measured of it."""
    from rich.text import Text

    say = stdout()
    say.print(Text(" ".join(edit.source.split()), style="bold"), soft_wrap=True)
    now = ", ".join(f"{name} {_shown(estimate)}" for name, estimate in edit.predicted.items())
    say.print(f"   predicted: {now}; {STATUS[edit.status]}", style="dim", soft_wrap=True, markup=False)
    for place, candidate in enumerate(edit.candidates, start=1):
        realised = ", ".join(
            f"{name} {_shown(estimate)}, promised {_digits(candidate.promised[name])}"
            for name, estimate in candidate.realised.items()
        )
        say.print(Text(f"{place:>2} {' '.join(candidate.text.split())}"), soft_wrap=True)
        kept = f"similarity {candidate.similarity:.2f}, typicality {candidate.typicality:.2f}, "
        kept += f"fluency {candidate.fluency:.2f}"
        say.print(f"   {realised}; {kept}", style="dim", soft_wrap=True, markup=False)
    say.print()


def _shown(estimate: Estimate) -> str:
    value = _digits(estimate.value)
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} ({_digits(estimate.low)} to {_digits(estimate.high)})"


def _digits(value: float) -> str:
    """Three significant digits: a prediction has no more."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

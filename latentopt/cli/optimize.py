"""`latentopt optimize`: edit texts so that their properties are as wished."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentopt.cli import options
from latentopt.cli.editing import VERSION, Editing, edited, editing_options, print_edit, print_effects
from latentopt.cli.output import print_json, stderr, warn
from latentopt.errors import LatentoptError

if TYPE_CHECKING:
    from latentopt.editing import Wish
    from latentopt.editing.objectives import Head
    from latentopt.heads import Reader
    from latentopt.space import LatentSpace


def _wanted(ctx: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> list[tuple[str, str]]:
    wanted = []
    for words in given:
        name, sign, value = words.partition("=")
        if not (name and sign and value):
            raise click.BadParameter(f"{words}: a wish is written NAME=VALUE, such as likes=1000")
        wanted.append((name, value))
    return wanted


def _wish(option: str, help: str) -> Callable[[Any], Any]:
    return click.option(option, multiple=True, metavar="NAME=VALUE", callback=_wanted, help=help + " Repeatable.")


@click.command
@options.texts
@_wish("--target", "Value that a property shall have, such as likes=1000; of a class its name or probability.")
@_wish("--at-least", "Value that a property shall have or exceed.")
@_wish("--at-most", "Value that a property shall not exceed.")
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
@click.option("--explain", is_flag=True, help="Show what each word of the text adds to the goal, or costs it.")
@editing_options
@options.model
@options.as_json
def optimize(
    texts: tuple[str, ...],
    file: Path | None,
    column: str,
    target: list[tuple[str, str]],
    at_least: list[tuple[str, str]],
    at_most: list[tuple[str, str]],
    maximize: tuple[str, ...],
    minimize: tuple[str, ...],
    heads: tuple[Path, ...],
    typical: float | None,
    explain: bool,
    how: Editing,
    model: str | None,
    as_json: bool,
) -> None:
    """Edit texts so that their properties are as wished.

    A few words at a time are written anew, where the goal hangs on them; links, mentions, hashtags, numbers, emoji and
    names stay. Every candidate is a text that was encoded and measured again: its value is what is predicted for it,
    with the interval in which nine of ten real values lie for texts like those that the head has seen. "reader" is a
    second opinion, by a model that sees the words alone. Nothing is shown that falls below --min-fluency or
    --min-meaning, or that is not better than the text by both opinions.

    "reached": the best candidate has what every --target, --at-least and --at-most asks for. "improved": it comes
    nearer, but not all the way. "none better": there is no candidate, and what stood in the way is said; --json has
    "already": true where the text meets the wish as it stands.
    """
    if not (target or at_least or at_most or maximize or minimize):
        raise click.UsageError("say what the texts shall become, such as --target likes=1000 or --maximize sentiment")
    table = options.take_texts(texts, file, column)
    space = options.open_space(model)
    from latentopt.editing import AtLeast, AtMost, Maximize, Minimize, Sum, Target, columns

    found = _Heads(space, heads, typical)
    wishes: list[Wish] = []
    for kind, wanted in ((Target, target), (AtLeast, at_least), (AtMost, at_most)):
        wishes += [found.with_value(kind, name, value) for name, value in wanted]
    wishes += [Maximize(found.one(name)) for name in maximize] + [Minimize(found.one(name)) for name in minimize]
    found.check_typical()
    goal = Sum([(1.0, wish) for wish in wishes])
    try:
        columns(goal)
    except LatentoptError as error:
        raise click.UsageError(str(error)) from error
    sources = table.frame["text"].tolist()
    editor = how.editor(space, goal, found.readers())
    edits = edited(editor, sources)
    explained = [editor.explain(source) for source in sources] if explain else []
    if as_json:
        documents = [{"row": row} | edit.to_json() for row, edit in zip(table.frame.index.tolist(), edits, strict=True)]
        for document, (words, effects) in zip(documents, explained, strict=False):
            document["words"] = [
                {"text": word, "adds": effect} for word, effect in zip(words, effects.tolist(), strict=True)
            ]
        print_json({"version": VERSION, "edits": documents})
        return
    for i, edit in enumerate(edits):
        if explain:
            print_effects(*explained[i])
        print_edit(edit)
    found.say_for_whom()


class _Heads:
    """The heads of a command line, loaded once each."""

    def __init__(self, space: LatentSpace, directories: Sequence[Path], typical: float | None) -> None:
        from latentopt.heads import bundled_heads, load_head

        self.known: dict[str, Any] = {}
        self.directories: dict[str, Path] = {}
        for directory in directories:
            head = load_head(directory, space)
            if (name := head.name or "property") in self.known:
                raise click.UsageError(f"--head {directory}: {name} was given twice; give one head for each property")
            self.known[name], self.directories[name] = head, directory
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

    def with_value(self, kind: Any, name: str, value: str) -> Wish:
        """The wish NAME=VALUE of a kind: Target, AtLeast or AtMost."""
        from latentopt.editing import AtLeast, Target

        head = self._load(name)
        classes = [str(label) for label in getattr(head, "classes_", [])]
        if value in classes and kind is Target:
            return AtLeast(head.for_class(value), 0.9)
        number = _number(name, value, classes)
        chosen = self.one(name)
        if classes and not 0 <= number <= 1:
            raise click.BadParameter(
                f"--target {name}={value}: the value must be a probability from 0 to 1, or one of {', '.join(classes)}"
            )
        try:
            wish: Wish = kind(chosen, number)
        except LatentoptError as error:
            raise click.BadParameter(f"--target {name}={value}: {error}") from error
        low, high = chosen.to_value(_tensor(head.score_range))
        if not classes and not low <= number <= high:
            warn(
                f"--target {name}={value}: almost all that the head has seen lies between {low:,.4g} and {high:,.4g}; "
                "what it predicts out there is a guess"
            )
        return wish

    def readers(self) -> dict[str, Reader]:
        """The readers of the heads that were asked for, by the names of their properties and classes."""
        from latentopt.heads import load_reader

        found: dict[str, Reader] = {}
        for name, head in self.known.items():
            directory = self.directories.get(name) or Path(self.space.path or ".") / "heads" / name
            reader = load_reader(directory, self.space)
            if reader is None:
                continue
            for label in getattr(head, "classes_", []):
                found[head.for_class(label).name] = reader.for_class(label)
            if not hasattr(head, "classes_"):
                typical = self.typical if reader.typical is not None else None
                found[name] = reader if typical is None else reader.with_typical(typical)
        return found

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

"""`latentopt optimize`: edit texts so that their properties are as wished."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentopt.cli import completion, options
from latentopt.cli.editing import VERSION, Editing, edited, editing_options, print_edit, print_effects
from latentopt.cli.output import print_json, stderr
from latentopt.errors import LatentoptError

if TYPE_CHECKING:
    from latentopt.editing import Wish
    from latentopt.editing.properties import Properties


def _wanted(ctx: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> list[tuple[str, str]]:
    wanted = []
    for words in given:
        name, sign, value = words.partition("=")
        if not (name and sign and value):
            raise click.BadParameter(f"{words}: a wish is written NAME=VALUE, such as likes=1000")
        wanted.append((name, value))
    return wanted


def _wish(option: str, help: str) -> Callable[[Any], Any]:
    return click.option(
        option,
        multiple=True,
        metavar="NAME=VALUE",
        callback=_wanted,
        shell_complete=completion.wishes,
        help=help + " Repeatable.",
    )


def _property(option: str, help: str) -> Callable[[Any], Any]:
    return click.option(
        option, multiple=True, metavar="NAME", shell_complete=completion.heads, help=help + " Repeatable."
    )


@click.command
@options.texts
@_wish("--target", "Value that a property shall have, such as likes=1000; of a class its name or probability.")
@_wish("--at-least", "Value that a property shall have or exceed.")
@_wish("--at-most", "Value that a property shall not exceed.")
@_property("--maximize", "Property that shall rise.")
@_property("--minimize", "Property that shall fall.")
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
    from latentopt.editing import Sum
    from latentopt.editing.properties import Properties, WishError

    try:
        properties = Properties(space, heads, typical=typical)
        wishes = _wishes(properties, target, at_least, at_most, maximize, minimize)
        typicals = properties.typicals()
    except WishError as error:
        raise click.UsageError(str(error)) from error
    goal = Sum([(1.0, wish) for wish in wishes])
    sources = table.frame["text"].tolist()
    editor = how.editor(space, goal, properties.readers())
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
    for name, value in typicals.items():
        whose = "the median account, one" if typical is None else "an account"
        stderr().print(
            f"{name}: predicted for {whose} whose texts typically get {value:,.0f}; "
            "--typical VALUE predicts for another",
            style="dim",
            soft_wrap=True,
        )


def _wishes(
    properties: Properties,
    target: list[tuple[str, str]],
    at_least: list[tuple[str, str]],
    at_most: list[tuple[str, str]],
    maximize: tuple[str, ...],
    minimize: tuple[str, ...],
) -> list[Wish]:
    """The wishes of a command line.

    Raises:
        WishError: for one that cannot be, or the same twice.
    """
    from latentopt.editing import AtLeast, AtMost, Maximize, Minimize, Sum, Target, columns
    from latentopt.editing.properties import WishError

    found: list[Wish] = []
    for option, kind, wanted in (
        ("--target", Target, target),
        ("--at-least", AtLeast, at_least),
        ("--at-most", AtMost, at_most),
    ):
        for name, value in wanted:
            try:
                found.append(properties.wish(kind, name, value))
            except WishError as error:
                raise WishError(f"{option} {error}") from error
    found += [Maximize(properties.one(name)) for name in maximize]
    found += [Minimize(properties.one(name)) for name in minimize]
    try:
        columns(Sum([(1.0, wish) for wish in found]))
    except LatentoptError as error:
        raise WishError(str(error)) from error
    return found

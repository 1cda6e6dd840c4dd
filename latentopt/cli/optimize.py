"""`latentopt optimize`: edit texts so that their properties are as wished."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentopt.cli import completion, options
from latentopt.cli.editing import VERSION, Editing, edited_and_explained, editing_options, words_explained
from latentopt.cli.groups import typical_option, whose_texts
from latentopt.cli.output import print_json, stderr
from latentopt.cli.streaming import Destination, best_option, stream, streaming
from latentopt.errors import LatentoptError

if TYPE_CHECKING:
    from latentopt.batch import Work
    from latentopt.editing import Edit, Objective, Wish
    from latentopt.editing.objectives import HeadWish
    from latentopt.editing.objectives.wishable import Wishable
    from latentopt.editing.properties import Properties
    from latentopt.heads.property import Typical
    from latentopt.space import LatentSpace
    from latentopt.tables import Row

EDITED = 4  # texts that are kept together


Valued = tuple[str, str, str]  # the option of a wish, its property, its value in words


def _wanted(ctx: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> list[Valued]:
    wanted = []
    for words in given:
        name, sign, value = words.partition("=")
        if not (name and sign and value):
            raise click.BadParameter(f"{words}: a wish is written NAME=VALUE, such as likes=1000")
        wanted.append((parameter.opts[0], name, value))
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
@_property("--maximize", "Property that shall rise, such as likes; a class is named with it, mood=glad.")
@_property("--minimize", "Property that shall fall.")
@click.option(
    "--objective",
    "objectives",
    multiple=True,
    metavar="MODULE:FUNCTION",
    help="Python function of a list of texts that gives a loss for each, lower is better; 1 counts as much as a "
    "standard deviation of a property. It has no gradient: --optimizer none, random, cma-es or bayesian. Repeatable.",
)
@click.option(
    "--head",
    "heads",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of a head made by `latentopt fit`. Repeatable. [default: those of the model]",
)
@typical_option
@click.option("--explain", is_flag=True, help="Show what each word of the text adds to the goal, or costs it.")
@editing_options
@options.model
@options.json_document(VERSION)
@best_option
@streaming
def optimize(
    texts: tuple[str, ...],
    file: Path | None,
    column: str,
    target: list[Valued],
    at_least: list[Valued],
    at_most: list[Valued],
    maximize: tuple[str, ...],
    minimize: tuple[str, ...],
    objectives: tuple[str, ...],
    heads: tuple[Path, ...],
    typical: Typical | None,
    explain: bool,
    how: Editing,
    model: str | None,
    as_json: bool,
    best: bool,
    to: Destination | None,
) -> None:
    """Edit texts so that their properties are as wished.

    A few words at a time are written anew, where the goal hangs on them; links, mentions, hashtags, numbers, emoji and
    names stay. Every candidate is a text that was encoded and measured again: its value is what is predicted for it,
    with the interval in which nine of ten real values lie for texts like those that the head has seen. "reader" is a
    second opinion, by a model that sees the words alone; where a class is wished for, it also says which words are
    tried more often. Nothing is shown that falls below --min-fluency, --min-meaning or --min-acceptability, or that is
    not better than the text by both opinions and by the value that is shown.

    "reached": the best candidate has what every --target, --at-least and --at-most asks for. "improved": it comes
    nearer, but not all the way. "none better": there is no candidate, and what stood in the way is said; --json has
    "already": true where the text meets the wish as it stands.

    --output FILE has a row for each candidate, beside the other columns of the input; --target likes=@COLUMN takes the
    wish for each text from a column.
    """
    if not (target or at_least or at_most or maximize or minimize or objectives):
        raise click.UsageError("say what the texts shall become, such as --target likes=1000 or --maximize sentiment")
    _check_blind(objectives, how.optimizer)
    wanted = Wanted([*target, *at_least, *at_most], maximize, minimize, objectives)
    if to is not None:
        if explain:
            raise click.UsageError("--explain is for texts that are shown; leave it out with --output")
        if wanted.columns and texts:
            raise click.UsageError(f"the wish @{wanted.columns[0]} stands in a column of a file; give it with --input")
        source = options.take_input(texts, file, column, to.shard, wanted.columns)
        best = best or to.output.suffix.lower() == ".txt"

        def make() -> Work:
            return _work(options.open_space(model), how, wanted, heads, typical, source.columns[0], best=best)

        stream(to, make, source, chunk=EDITED, depends=[model, *heads, how.language_model])
        return
    if wanted.columns:
        raise click.UsageError("a wish of each text's own, @COLUMN, needs --input FILE and --output FILE")
    table = options.take_texts(texts, file, column)
    space = options.open_space(model)
    from latentopt.editing.properties import Properties, WishError

    try:
        properties = Properties(space, heads, typical=typical)
        goal = wanted.goal(properties, {})
        typicals = properties.typicals()
    except WishError as error:
        raise click.UsageError(str(error)) from error
    sources = table.frame["text"].tolist()
    editor = how.editor(space, goal, properties.readers(), properties.opinions())

    edits, explained = edited_and_explained(
        sources,
        lambda source, glance: editor.edit([source], glance=glance)[0],
        editor.explain if explain else None,
        None if as_json else how.show,
    )
    how.draw(edits)
    if as_json:
        documents = [{"row": row} | edit.to_json() for row, edit in zip(table.frame.index.tolist(), edits, strict=True)]
        for document, effects in zip(documents, explained, strict=True):
            if effects is not None:
                document["words"] = words_explained(*effects)
        print_json({"version": VERSION, "edits": documents})
        return
    _say_for_whom(typicals)


@dataclass(frozen=True)
class Wanted:
    """The wishes of a command line; a value that begins with @ is each row's own, in that column."""

    valued: list[Valued]
    maximize: tuple[str, ...]
    minimize: tuple[str, ...]
    objectives: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """The columns of the input in which values stand."""
        return list(dict.fromkeys(value[1:] for _, _, value in self.valued if value.startswith("@")))

    def names(self, properties: Properties) -> list[str]:
        """The columns of the results, whatever values stand in those of the input.

        Raises:
            WishError: if there is no value for which the wishes can be.
        """
        from latentopt.editing import columns
        from latentopt.editing.properties import WishError

        found: dict[str, Wish] = {}
        refused = None
        choices = [
            properties.possible(_kind(option), name) if value.startswith("@") else [value]
            for option, name, value in self.valued
        ]
        for values in product(*choices):
            try:
                found |= columns(self._goal(properties, values))
            except WishError as error:  # such as the same class from two columns
                refused = error
        if refused is not None and not found:
            raise refused
        return list(found)

    def goal(self, properties: Properties, row: Mapping[str, Any]) -> Objective:
        """The goal of a row.

        Raises:
            WishError: for a wish that cannot be, or the same twice.
        """
        return self._goal(properties, [_of_row(option, value, row) for option, _, value in self.valued])

    def _goal(self, properties: Properties, values: Sequence[str]) -> Objective:
        from latentopt.editing import Maximize, Minimize, Sum, columns
        from latentopt.editing.properties import WishError

        found: list[Wish] = []
        for (option, name, given), value in zip(self.valued, values, strict=True):
            try:
                found.append(properties.wish(_kind(option), name, value, own=given.startswith("@")))
            except WishError as error:
                raise WishError(f"{option} {error}") from error
        found += [Maximize(properties.one(name)) for name in self.maximize]
        found += [Minimize(properties.one(name)) for name in self.minimize]
        found += [_of_texts(name, properties.space) for name in self.objectives]
        goal = Sum([(1.0, wish) for wish in found])
        try:
            columns(goal)
        except LatentoptError as error:
            raise WishError(str(error)) from error
        return goal


def _kind(option: str) -> Callable[[Wishable, Any], HeadWish]:
    """The wish of an option that names a value."""
    from latentopt.editing import AtLeast, AtMost, Target

    return {"--target": Target, "--at-least": AtLeast, "--at-most": AtMost}[option]


def _of_row(option: str, value: str, row: Mapping[str, Any]) -> str:
    """A wished value; where it begins with @, what the row has in that column."""
    from latentopt.editing.properties import WishError
    from latentopt.tables import number, pick

    if not value.startswith("@"):
        return value
    found = pick(row, value[1:])
    if found is None or not str(found).strip():
        raise WishError(f"{option} {value}: the column has no value in this row")
    as_number = number(found)
    return str(found).strip() if as_number is None else f"{as_number:.17g}"


def _work(
    space: LatentSpace,
    how: Editing,
    wanted: Wanted,
    heads: tuple[Path, ...],
    typical: Typical | None,
    column: str,
    *,
    best: bool,
) -> Work:
    """The editing of many rows, each with the same goal, or with one of its own where a wish stands in a column."""
    from latentopt.batch import Edits
    from latentopt.editing import Near
    from latentopt.editing.properties import Properties, WishError

    try:
        properties = Properties(space, heads, typical=typical)
        names = wanted.names(properties)
        goal = Near() if wanted.columns else wanted.goal(properties, {})
        _say_for_whom(properties.typicals())
    except WishError as error:
        raise click.UsageError(str(error)) from error
    editor = how.editor(space, goal, properties.readers(), properties.opinions())
    if not wanted.columns:
        return Edits.by(editor, column=column, best=best)

    def edit(texts: list[str], rows: Sequence[Row]) -> list[tuple[Edit, dict[str, Any]]]:
        goals = [wanted.goal(properties, row.values) for row in rows]  # refused before any text is edited
        edits = []
        for text, goal in zip(texts, goals, strict=True):
            editor.set_params(goal=goal)
            edits += editor.edit([text])
        return [(found, {}) for found in edits]

    return Edits(edit, column=column, best=best, properties=names)


def _say_for_whom(typicals: Mapping[str, float]) -> None:
    """Tell for which group a head with groups has predicted."""
    for name, value in typicals.items():
        stderr().print(
            f"{name}: predicted for {whose_texts(value)}; --typical VALUE predicts for another",
            style="dim",
            soft_wrap=True,
        )


def _of_texts(name: str, space: LatentSpace) -> Wish:
    """The wish for a function of texts, MODULE:FUNCTION."""
    from latentopt.editing import OfTexts
    from latentopt.editing.objectives import text_objective
    from latentopt.editing.write import texts_at

    return OfTexts(text_objective(name), lambda z: texts_at(space, z), name=_function(name))


def _function(objective: str) -> str:
    """What MODULE:FUNCTION is called in results."""
    return objective.rpartition(":")[2]


def _check_blind(objectives: tuple[str, ...], optimizer: str) -> None:
    """Refuse functions of texts for an optimizer that follows gradients."""
    if not objectives:
        return
    from latentopt.editing.optimizers import without_gradient

    if optimizer not in without_gradient():
        raise click.UsageError(
            f"--objective {objectives[0]}: a function of texts has no gradient, and --optimizer {optimizer} needs one; "
            f"take {', '.join(without_gradient())}"
        )

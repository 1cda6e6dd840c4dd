"""What `optimize` and `apply` share: the options of an edit, the editor that they make, and how edits are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from latentopt.cli import options
from latentopt.cli.output import digits, draw, stderr, stdout
from latentopt.cli.streaming import Told
from latentopt.editing.constraints import KINDS, NAMES
from latentopt.editing.optimizers import OPTIMIZERS

if TYPE_CHECKING:
    from rich.text import Text
    from torch import Tensor

    from latentopt.editing import Candidate, Edit, Estimate, Objective, TextEditor
    from latentopt.editing.constraints import Constraint
    from latentopt.editing.measure import SecondOpinion, ShownOpinion
    from latentopt.space import LatentSpace

VERSION = 2  # of the JSON document of edits
Made = TypeVar("Made")
Glance = Callable[["Edit"], None]
Effects = tuple[list[str], "Tensor"]  # of the words of a text


@dataclass(frozen=True)
class Editing:
    """The options of an edit, as they were given."""

    keep: tuple[str, ...]
    free: tuple[str, ...]
    forbid: tuple[str, ...]
    max_length: int | None
    max_tokens: int | None
    allow_abuse: bool
    change: float
    min_fluency: float
    min_meaning: float
    min_acceptability: float
    language_model: str | None
    optimizer: str
    candidates: int
    pareto: bool
    figures: Path | None
    effort: float
    seed: int

    def editor(
        self,
        space: LatentSpace,
        goal: Objective,
        readers: Mapping[str, SecondOpinion],
        opinions: Mapping[str, ShownOpinion] | None = None,
    ) -> TextEditor:
        """The editor that is asked for."""
        from latentopt.editing import Best, Effort, Floors, Front, MaxTokens, TextEditor, standard
        from latentopt.editing.fluency import CausalLM

        if self.figures is not None and not self.pareto:
            raise click.UsageError("--figures draws what --pareto shows; give both")
        short: list[Constraint] = [] if self.max_tokens is None else [MaxTokens(self.max_tokens, space.lengths)]
        return TextEditor(
            space,
            goal,
            optimizer=OPTIMIZERS[self.optimizer](space.density.covariance),
            constraints=standard(
                free=self.free,
                keep=self.keep,
                forbid=self.forbid,
                max_length=self.max_length,
                allow_abuse=self.allow_abuse,
            )
            + short,
            floors=Floors(
                fluency=self.min_fluency,
                meaning=self.min_meaning,
                change=self.change,
                acceptability=self.min_acceptability,
            ),
            readers=readers,
            opinions=opinions,
            language_model=None if self.language_model is None else CausalLM(self.language_model),
            effort=Effort().scaled(self.effort),
            shown=Front() if self.pareto else Best(self.candidates),
            seed=self.seed,
        )

    def show(self, edit: Edit) -> None:
        """Print a text and what it could become, as was asked for."""
        (print_front if self.pareto else print_edit)(edit)

    def draw(self, edits: Sequence[Edit]) -> None:
        """Write the figure that was asked for, if one was."""
        if self.figures is None:
            return
        from latentopt.editing.plots import fronts

        draw(fronts(edits), self.figures / "front.png")
        click.echo(f"wrote {self.figures / 'front.png'}", err=True)


_OPTIONS = options.compose(
    click.option(
        "--keep",
        multiple=True,
        metavar="WORDS|/REGEX/",
        help="What stays as it is, beside links, mentions, hashtags, numbers, emoji and capitalised names. Repeatable.",
    ),
    click.option(
        "--free",
        multiple=True,
        type=click.Choice([*KINDS, NAMES]),
        help="A kind of these that may be lost and added. Repeatable.",
    ),
    click.option(
        "--forbid",
        multiple=True,
        metavar="WORDS|/REGEX/|FILE",
        help="What must not be added; a file has one a line. Repeatable.",
    ),
    click.option("--max-length", type=click.IntRange(min=1), help="Most characters of an edit."),
    click.option("--max-tokens", type=click.IntRange(min=1), help="Most tokens of an edit, as the model counts them."),
    click.option(
        "--allow-abuse",
        is_flag=True,
        help="Let words of abuse be added that the text has not. [default: those on better-profanity's list are not]",
    ),
    click.option(
        "--change",
        type=click.FloatRange(0, 1),
        default=0.35,
        show_default=True,
        help="Most of the words that may change, as a share; one always may.",
    ),
    click.option(
        "--min-fluency",
        type=float,
        default=-0.1,
        show_default=True,
        help="Least fluency, in nats per token more than the text's own: 0 is as fluent as the text, -0.3 is odd.",
    ),
    click.option(
        "--min-meaning",
        type=click.FloatRange(-1, 1),
        default=0.7,
        show_default=True,
        help="Least meaning kept: cosine of the sentence embeddings of edit and text.",
    ),
    click.option(
        "--min-acceptability",
        type=click.FloatRange(0, 2),
        default=0.4,
        show_default=True,
        help="Least rating to expect, from 0, nobody would post the edit, to 2, as it is. "
        "Of goals that the model has learned ratings of: of the bundled one likes, sentiment and civil.",
    ),
    click.option(
        "--language-model",
        metavar="DIR|NAME",
        help="Causal language model of transformers that judges fluency. [default: the model itself]",
    ),
    click.option(
        "--optimizer",
        type=click.Choice(list(OPTIMIZERS)),
        default="gradient",
        show_default=True,
        help="What moves the latent that fills are led by; none: it stays, and what is filled is chosen afterwards.",
    ),
    click.option(
        "--candidates",
        type=click.IntRange(min=1),
        default=3,
        show_default=True,
        help="Most candidates to show for each text.",
    ),
    click.option(
        "--pareto",
        is_flag=True,
        help="Show all candidates that no other beats in every wish, in fluency and in meaning at once.",
    ),
    click.option(
        "--figures",
        type=click.Path(path_type=Path, file_okay=False),
        help="With --pareto: draw them into this folder, as front.png.",
    ),
    click.option(
        "--effort",
        type=click.FloatRange(min=0, min_open=True),
        default=1.0,
        show_default=True,
        help="Multiple of the texts that are tried; time grows with it.",
    ),
    options.seed,
)


def editing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of an edit; the command gets them as one value, `how`."""

    @wraps(command)
    def collected(**given: Any) -> Any:
        how = Editing(**{field.name: given.pop(field.name) for field in fields(Editing)})
        return command(how=how, **given)

    return _OPTIONS(collected)


def edited(sources: Sequence[str], edit: Callable[[str, Glance], Made]) -> Iterator[Made]:
    """What is made of each text, as soon as it is made, with a note of how many are done, and of the best so far.

    Where nobody looks at a terminal, a line each half minute says how many are done.

    Args:
        sources: the texts. edit: edits one, and shows how its edit stands after each round.
    """
    from rich.text import Text

    progress, told = Told(), f"editing {len(sources):,} texts"
    status = stderr().status(told)

    def glance(found: Edit) -> None:
        if found.candidates:
            status.update(Text(f"{told}; so far: ").append_text(marked(found.candidates[0])))

    for done, source in enumerate(sources, start=1):
        status.update(told)
        with status:
            made = edit(source, glance)
        yield made
        progress.line(done, len(sources))
        told = f"edited {progress.words(done, len(sources))}"


def edited_and_explained(
    sources: Sequence[str],
    edit: Callable[[str, Glance], Made],
    explain: Callable[[str], Effects] | None,
    show: Callable[[Made], None] | None,
) -> tuple[list[Made], list[Effects | None]]:
    """What is made of each text, and what its words add, where that is asked for.

    With `show`, both are printed as soon as they are there: what is done is seen, and stays when the others are
    interrupted.
    """

    def both(source: str, glance: Glance) -> tuple[Made, Effects | None]:
        made = edit(source, glance)
        return made, explain(source) if explain else None

    found: list[Made] = []
    explained: list[Effects | None] = []
    for made, effects in edited(sources, both):
        found.append(made)
        explained.append(effects)
        if show is not None:
            if effects is not None:
                print_effects(*effects)
            show(made)
    return found, explained


def print_edit(edit: Edit) -> None:
    """Print a text and what it could become, each candidate above what was measured of it."""
    from rich.text import Text

    say = stdout()
    say.print(Text(" ".join(edit.source.split()), style="bold"), soft_wrap=True)
    now = ", ".join(f"{name} {shown(estimate)}" for name, estimate in edit.predicted.items())
    say.print(
        f"   predicted: {now}; {edit.status.replace('_', ' ')}: {edit.reason}",
        style="dim",
        soft_wrap=True,
        markup=False,
    )
    for place, candidate in enumerate(edit.candidates, start=1):
        say.print(Text(f"{place:>2} ").append_text(marked(candidate)), soft_wrap=True)
        say.print(f"   {measured(edit, candidate)}", style="dim", soft_wrap=True, markup=False)
    say.print()


def print_front(edit: Edit) -> None:
    """Print a text and a table of all that it could become, with the numbers that each is better in."""
    from rich.table import Table
    from rich.text import Text

    say = stdout()
    say.print(Text(" ".join(edit.source.split()), style="bold"), soft_wrap=True)
    say.print(f"   {edit.status.replace('_', ' ')}: {edit.reason}", style="dim", soft_wrap=True, markup=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("", *edit.predicted, "meaning", "fluency"):
        table.add_column(Text(heading), justify="right", no_wrap=True)
    table.add_column("text", overflow="fold")
    table.add_row("", *(digits(estimate.value) for estimate in edit.predicted.values()), "1", "0", "as it stands")
    for place, candidate in enumerate(edit.candidates, start=1):
        realised = (digits(candidate.realised[name].value) for name in edit.predicted)
        table.add_row(str(place), *realised, f"{candidate.meaning:.2f}", f"{candidate.fluency:+.2f}", marked(candidate))
    say.print(table)
    say.print()


def words_explained(words: Sequence[str], effects: Tensor) -> list[dict[str, Any]]:
    """The words of a text and what each adds to the goal, as --json has them."""
    return [{"text": word, "adds": effect} for word, effect in zip(words, effects.tolist(), strict=True)]


def marked(candidate: Candidate) -> Text:
    """A candidate's text with the words that changed in another style."""
    from rich.text import Text

    text = Text(candidate.text)
    for change in candidate.changes:
        text.stylize("bold green", change.start, change.end)
    return Text(" ").join(text.split())


def print_effects(words: Sequence[str], effects: Tensor) -> None:
    """Print a text whose words are coloured by what they add to the goal (green) or cost it (red)."""
    from rich.text import Text

    most = effects.abs().max().clamp_min(1e-9).item()
    line = Text("   ")
    for word, effect in zip(words, effects.tolist(), strict=True):
        strong = abs(effect) > 0.5 * most
        style = "" if abs(effect) < 0.1 * most else ("green" if effect > 0 else "red") + (" bold" if strong else "")
        line.append(word, style=style)
    say = stdout()
    say.print(line, soft_wrap=True)
    order = sorted(range(len(words)), key=lambda i: -abs(effects[i].item()))[:5]
    told = ", ".join(f"{words[i].strip()} {'adds' if effects[i] > 0 else 'costs'} {abs(effects[i]):.2f}" for i in order)
    say.print(f"   {told} (of the goal's loss)", style="dim", soft_wrap=True, markup=False)


def measured(edit: Edit, candidate: Candidate) -> str:
    """What is known of a candidate, in words."""
    said = []
    for name, estimate in candidate.realised.items():
        words = f"{name} {shown(estimate)}{_gain(edit.predicted[name].value, estimate.value)}"
        if name in candidate.read:
            words += f", reader {digits(edit.read[name])} to {digits(candidate.read[name])}"
        said.append(words)
    if not candidate.agrees:
        said.append("the reader disagrees")
    if candidate.untypical:
        said.append("hardly any training text is like it")
    changed = ", ".join(_changed(change.was, change.now) for change in candidate.changes)
    said += [f"meaning {candidate.meaning:.2f}", f"fluency {candidate.wording}"]
    if candidate.acceptability_words is not None:
        said.append(f"acceptability {candidate.acceptability_words}")
    said.append(changed)
    return "; ".join(said)


def _changed(was: str, now: str) -> str:
    if not was:
        return f"+ {now}"
    return f"{was} → {now}" if now else f"- {was}"


def _gain(was: float, now: float) -> str:
    if min(was, now) < 0 or max(was, now) <= 1:  # no count: a probability, or what may be negative
        return f" ({now - was:+.2f})"
    return f" ({now / was - 1:+.0%})" if was > 0 else ""


def shown(estimate: Estimate) -> str:
    """An estimate with its interval."""
    value = digits(estimate.value)
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} ({digits(estimate.low)} to {digits(estimate.high)})"

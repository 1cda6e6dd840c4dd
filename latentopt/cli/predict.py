"""`latentopt predict`: what a text is predicted to get, and what that is worth."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentopt.cli import completion, options
from latentopt.cli.groups import typical_option, whose_texts
from latentopt.cli.output import digits, print_json, stderr, stdout, warn
from latentopt.cli.streaming import Destination, stream, streaming

if TYPE_CHECKING:
    from torch import Tensor

    from latentopt.heads.predict import Group, Prediction, Predictions
    from latentopt.heads.property import Typical
    from latentopt.space import LatentSpace
    from latentopt.tables import Table

SHOWN_CLASSES = 3
MOST = 0.99  # share of the fitted texts that can be said to have less: more than all is none of them
WHOSE = "--typical VALUE, --group NAME or --unseen predicts for another"
CHUNK = 16  # batches that are kept together
TEXT, LATENT = "text", "z"  # the columns that `latentopt encode --output` writes


@click.command(short_help="Predict properties of texts.")
@click.argument("names", metavar="NAME[,NAME]...", shell_complete=completion.heads_in_a_row)
@options.texts
@click.option(
    "--latents",
    type=options.SomePath(path_type=Path),
    help="In place of texts: what `latentopt encode --output` wrote of them to .parquet; nothing is encoded again.",
)
@typical_option
@click.option("--group", metavar="NAME", help="Predict for this group, one that the head was fitted with.")
@click.option(
    "--unseen", is_flag=True, help="Predict for a group of which nothing is known: the interval is as wide as that."
)
@options.model
@options.as_json
@options.batch_size
@streaming
def predict(
    names: str,
    texts: tuple[str, ...],
    file: Path | None,
    column: str,
    latents: Path | None,
    typical: Typical | None,
    group: str | None,
    unseen: bool,
    model: str | None,
    as_json: bool,
    batch_size: int,
    to: Destination | None,
) -> None:
    """Predict properties of texts, as in latentopt predict likes,sentiment "a text of yours".

    NAME is a head of the model, or the directory of one made by `latentopt fit`. Shown are the value, the interval in
    which nine of ten real values lie for texts like those that the head was fitted to, and the share of these for which
    less is predicted. The value is that of head and reader, stacked; --json has what each says alone, too.

    --json prints {"version": 1, "predictions": [{"row", "text", "properties": {NAME: {"value", "low", "high",
    "percentile", "probabilities", "head", "reader", "untypical"}}}]}.
    """
    if (typical is not None) + (group is not None) + unseen > 1:
        raise click.UsageError("--typical, --group and --unseen each say whose texts they are; give one")
    if latents is not None:
        if texts or file is not None or column != TEXT:
            raise click.UsageError(f"--latents {latents}: its texts are predicted for; leave out others, and --column")
        file = latents
    wanted = [name.strip() for name in names.split(",")]
    if not all(wanted) or len(set(wanted)) < len(wanted):
        raise click.UsageError(f"{names}: give each property once, set apart by commas, such as likes,sentiment")
    if to is not None:
        from latentopt.batch import Predict, PredictKept, Work

        source = options.take_input(texts, file, column, to.shard, [] if latents is None else [LATENT])

        def make() -> Work:
            space = options.open_space(model)
            from latentopt.heads.predict import Group
            from latentopt.space import check_kept

            if latents is not None:
                check_kept(space, latents)
            whose = Group(group, typical, unseen)
            kind = Predict if latents is None else PredictKept
            work = kind(space, wanted, column=source.columns[0], group=whose, batch_size=batch_size)
            _say_for_whom(work.example, whose)
            return work

        stream(to, make, source, chunk=CHUNK * batch_size, depends=[model, *wanted])
        return
    table = options.take_texts(texts, file, column)
    space = options.open_space(model)
    from latentopt.heads.predict import Group, predict_texts

    whose = Group(group, typical, unseen)
    chosen = table.frame["text"].tolist()
    with stderr().status(f"predicting {len(table):,} texts"):
        z = None if latents is None else _kept(space, chosen, latents)
        found = predict_texts(space, chosen, wanted, group=whose, batch_size=batch_size, z=z)
    if as_json:
        print_json({"version": 1, "predictions": _document(table, found)})
    else:
        _print(table, found)
    if not as_json:
        _say_for_whom(found, whose)
        _warn_of_untypical(found)


def _kept(space: LatentSpace, texts: list[str], path: Path) -> Tensor:
    import torch

    from latentopt.space import kept_latents

    z, _ = kept_latents(space, texts, path)
    return torch.from_numpy(z)


def _document(table: Table, found: list[Predictions]) -> list[dict[str, Any]]:
    rows = zip(table.frame.index.tolist(), table.frame["text"].tolist(), strict=True)
    return [
        {"row": row, "text": text, "properties": {each.name: asdict(each.rows[i]) for each in found}}
        for i, (row, text) in enumerate(rows)
    ]


def _print(table: Table, found: list[Predictions]) -> None:
    from rich.text import Text

    say = stdout()
    for i, text in enumerate(table.frame["text"].tolist()):
        say.print(Text(" ".join(text.split()), style="bold"), soft_wrap=True)
        for each in found:
            say.print(f"   {each.name} {_shown(each.rows[i])}", soft_wrap=True, markup=False)


def _shown(prediction: Prediction) -> str:
    if isinstance(prediction.value, str):
        likeliest = sorted((prediction.probabilities or {}).items(), key=lambda item: -item[1])[:SHOWN_CLASSES]
        chances = ", ".join(f"{label} {chance:.2f}" for label, chance in likeliest)
        return f"{chances}; {prediction.value} more clearly than {_place(prediction)}"
    ends = (
        ""
        if prediction.low is None or prediction.high is None
        else f" ({digits(prediction.low)} to {digits(prediction.high)})"
    )
    return f"{digits(prediction.value)}{ends}, more than {_place(prediction)}"


def _place(prediction: Prediction) -> str:
    return f"{min(prediction.percentile, MOST):.0%} of the fitted texts"


def _say_for_whom(found: list[Predictions], group: Group) -> None:
    """Tell which group was predicted for, and whose value it is."""
    say = stderr()
    for each in found:
        if each.typical is not None:
            if group.unseen:
                whose = "a group of which nothing is known"
            elif group.name is not None:
                whose = f"the group {group.name}, whose texts typically get {digits(each.typical)}"
            else:
                whose = whose_texts(each.typical)
            say.print(f"{each.name}: predicted for {whose}; {WHOSE}", style="dim", soft_wrap=True, markup=False)
        if each.rows[0].reader is None:
            say.print(f"{each.name}: the head's value; there is no reader beside it", style="dim", soft_wrap=True)


def _warn_of_untypical(found: list[Predictions]) -> None:
    """Say which texts are like none that was learned from."""
    strange = [i for i, row in enumerate(found[0].rows, start=1) if row.untypical]
    if strange:
        which = ", ".join(map(str, strange[:5])) + (", ..." if len(strange) > 5 else "")
        warn(f"hardly any training text is like text {which}; values and intervals hold for texts like those")

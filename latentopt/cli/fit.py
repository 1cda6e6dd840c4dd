"""`latentopt fit`: a head that predicts a property from latents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from latentopt.cli import new_head
from property_models.families import RIDGE

if TYPE_CHECKING:
    from rich.status import Status

    from latentopt.heads import Fitted, Rows


@click.command(short_help="Fit a head for a property of texts.")
@new_head.arguments
@click.option(
    "--family",
    type=click.Choice(list(new_head.FAMILY)),
    default=RIDGE.name,
    show_default=True,
    help="; ".join(f"{name}: {family.about}" for name, family in new_head.FAMILY.items()) + ".",
)
def fit(request: new_head.Request, *, family: str) -> None:
    """Fit the property NAME to the texts and values of FILE (.csv, .jsonl, .parquet).

    Four fifths of the rows are learned from, by a head, which sees latents, and a reader, which sees words. On the
    others both are measured, and both stacked, which is what is shown of a text, beside a constant and a ridge
    regression on TF-IDF features. With --group all of them are measured, and learn, within groups: who writes often
    decides more than what is written.

    --json prints {"version": 1, "head": {"name", "directory", "kind", "parameters", "typical"}, "report": {...}}: the
    report has "rows" and the metrics of "constant", "tfidf_ridge" (or "tfidf_logistic"), "head", "reader" and
    "stacked", and with --group of "group_mean".
    """

    def learn(rows: Rows, _: Status) -> Fitted:
        from latentopt.heads import fit_head

        return fit_head(
            rows,
            family=new_head.FAMILY[family],
            scale=request.scale,
            seed=request.seed,
            split=new_head.split_of(request),
        )

    new_head.make(request, "fitting", learn)

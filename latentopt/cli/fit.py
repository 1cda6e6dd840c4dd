"""`latentopt fit`: a head that predicts a property from latents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from latentopt.cli import fitted as shared
from latentopt.cli import options
from latentopt.cli.output import stderr

if TYPE_CHECKING:
    from latentopt.heads.fit import Family, Scale


@click.command(short_help="Fit a head for a property of texts.")
@shared.arguments
@click.option(
    "--family",
    type=click.Choice(["ridge", "mlp"]),
    default="ridge",
    show_default=True,
    help="ridge is linear (logistic regression for classes), mlp an ensemble of small networks.",
)
def fit(
    name: str,
    file: Path,
    value: str,
    column: str,
    group: str | None,
    typical: float | None,
    scale: Scale,
    limit: int | None,
    output: Path | None,
    model: str | None,
    seed: int,
    as_json: bool,
    family: Family,
) -> None:
    """Fit the property NAME to the texts and values of FILE (.csv, .jsonl, .parquet).

    Four fifths of the rows are learned from; on the others the head is measured, beside a constant and a ridge
    regression on TF-IDF features. With --group it is measured, and learns, within groups: who writes often decides
    more than what is written.

    --json prints {"version": 1, "head": {"name", "directory", "kind", "parameters", "typical"}, "report": {...}}: the
    report has "rows" and the metrics of "constant", "tfidf_ridge" (or "tfidf_logistic") and "head".
    """
    output = shared.check_output(name, output)
    if typical is not None and group is None:
        raise click.UsageError("--typical says which group to predict for; it needs --group COLUMN")
    table = shared.read_rows(file, column, value, group, limit=limit, seed=seed)
    space = options.open_space(model)
    from latentopt.heads.fit import fit_head
    from latentopt.heads.rows import without_negative

    if scale == "log1p":
        table = options.usable(without_negative(replace(table, errors=[]), value))
    with stderr().status(f"encoding {len(table):,} texts"):
        rows = shared.encode_rows(space, table, column, value, group)
    with stderr().status(f"fitting {name}"):
        fitted = fit_head(rows, family=family, scale=scale, seed=seed)
    shared.save_and_show(fitted, name, output, space, typical=typical, model=model, as_json=as_json)

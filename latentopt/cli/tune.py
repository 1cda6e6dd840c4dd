"""`latentopt tune`: search for the best head of a property."""

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


@click.command(short_help="Search for the best head of a property.")
@shared.arguments
@click.option(
    "--family",
    type=click.Choice(["ridge", "mlp"]),
    help="Search this family only: linear, or an ensemble of small networks. [default: both]",
)
@click.option("--trials", type=click.IntRange(min=1), default=30, show_default=True, help="Settings to try.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    help="Begin no trial but the first after this many seconds.",
)
def tune(
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
    family: Family | None,
    trials: int,
    timeout: float | None,
) -> None:
    """Search family and hyperparameters of a head for the property NAME with Optuna, and save the best.

    Chosen on a fifth of the rows that are learned from; the report is of rows that the search has not seen.
    Otherwise as `latentopt fit`, and with the same --json; its report has the number of trials and the family, too.
    """
    output = shared.check_output(name, output)
    if typical is not None and group is None:
        raise click.UsageError("--typical says which group to predict for; it needs --group COLUMN")
    table = shared.read_rows(file, column, value, group, limit=limit, seed=seed)
    space = options.open_space(model)
    from latentopt.heads.rows import without_negative
    from latentopt.heads.tune import tune_head

    if scale == "log1p":
        table = options.usable(without_negative(replace(table, errors=[]), value))
    with stderr().status(f"encoding {len(table):,} texts"):
        rows = shared.encode_rows(space, table, column, value, group)
    with stderr().status(f"tuning {name}") as status:
        fitted = tune_head(
            rows,
            trials=trials,
            timeout=timeout,
            families=("ridge", "mlp") if family is None else (family,),
            scale=scale,
            seed=seed,
            progress=lambda done, best: status.update(f"{done} of {trials} trials, best error {best:.4f}"),
        )
    shared.save_and_show(fitted, name, output, space, typical=typical, model=model, as_json=as_json)

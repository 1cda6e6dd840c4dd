"""`latentopt tune`: search for the best head of a property."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from latentopt.cli import new_head
from latentopt.errors import LatentoptError, first_line
from property_models.families import GENERAL

if TYPE_CHECKING:
    from rich.status import Status

    from latentopt.heads import Fitted, Rows


@click.command(short_help="Search for the best head of a property.")
@new_head.arguments
@click.option(
    "--family",
    "families",
    multiple=True,
    type=click.Choice(list(new_head.FAMILY)),
    help=f"Search this family. Repeatable. [default: {', '.join(family.name for family in GENERAL)}]",
)
@click.option("--trials", type=click.IntRange(min=1), default=30, show_default=True, help="Settings to try.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    help="Begin no trial but the first after this many seconds.",
)
@click.option(
    "--storage",
    metavar="FILE|URL",
    help="Keep trials in this file or database, where the same search goes on. [default: ./NAME.trials]",
)
@click.option(
    "--report-to", type=click.Choice(["none", "wandb"]), default="none", show_default=True, help="Tracking of trials."
)
def tune(
    request: new_head.Request,
    *,
    families: tuple[str, ...],
    trials: int,
    timeout: float | None,
    storage: str | None,
    report_to: str,
) -> None:
    """Search family and hyperparameters of a head for the property NAME with Optuna, and save the best.

    Chosen on a fifth of the rows that are learned from; the report is of rows that the search has not seen.
    Trials are kept as they finish: after a kill, the same command goes on with those that are left, and several workers
    with one database share them (--storage postgresql://...). Ctrl-C saves the best so far.
    --report-to wandb draws them as they finish, with WANDB_MODE=offline into ./wandb.
    Otherwise as `latentopt fit`, and with the same --json; its report has the number of trials and the family, too.
    """

    def learn(rows: Rows, status: Status) -> Fitted:
        from latentopt.heads import tune_head

        with _tracked(request.name) if report_to == "wandb" else nullcontext() as log:
            return tune_head(
                rows,
                trials=trials,
                timeout=timeout,
                families=[new_head.FAMILY[name] for name in families] or GENERAL,
                scale=request.scale,
                seed=request.seed,
                split=new_head.split_of(request),
                storage=storage or f"{request.name}.trials",
                progress=lambda done, best: status.update(f"{done} of {trials} trials, best error {best:.4f}"),
                log=log,
            )

    new_head.make(request, "tuning", learn)


@contextmanager
def _tracked(name: str) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A run of Weights & Biases, to which trials are told."""
    import wandb

    try:
        # What the command prints is its own affair, and none of the run's.
        run = wandb.init(project="latentopt", name=name, job_type="tune", settings=wandb.Settings(console="off"))
    except wandb.Error as error:
        raise LatentoptError(
            f"wandb: {first_line(error)}; log in with `wandb login`, or set WANDB_MODE=offline"
        ) from error
    with run:
        yield run.log

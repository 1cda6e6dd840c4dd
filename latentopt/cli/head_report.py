"""What `fit` and `tune` print of a head that they have measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from latentopt.cli.groups import whose_texts
from latentopt.cli.output import stdout

if TYPE_CHECKING:
    from latentopt.heads import Fitted

NAMES = {
    "constant": "a constant",
    "group_mean": "the group's mean",
    "tfidf_ridge": "TF-IDF ridge",
    "tfidf_logistic": "TF-IDF logistic",
    "head": "the head, by the latent",
    "reader": "the reader, by the words",
    "stacked": "both, stacked",
}

SCORES = {
    "identity": "the value",
    "log1p": "log1p of the value",
    "log": "the logarithm of the value",
    "logit": "the log-odds of the value",
}


def rounded(value: float, places: int) -> float:
    """A number to so many places; one that is nearly 0 is 0, and not -0."""
    return round(value, places) + 0.0


def print_report(name: str, fitted: Fitted) -> None:
    """Print what was measured of a head, its reader and both."""
    from rich.table import Table as Grid

    say, report, head = stdout(), fitted.report, fitted.head
    say.print(f"{name}: {head.kind}, measured on {report['rows']:,} rows that it has not seen\n", soft_wrap=True)
    models = [key for key in NAMES if key in report]
    measures: Sequence[str] = list(report["head"])
    grid = Grid("", *measures, box=None, pad_edge=False)
    for column in grid.columns[1:]:
        column.justify = "right"
    for key in models:
        grid.add_row(NAMES[key], *(f"{rounded(report[key][m], 3):.3f}" for m in measures))
    say.print(grid)
    notes = []
    if report.get("within_groups"):
        alone = report["rows"] - report["rows_within"]
        but = f", without {alone:,} rows that are the only one of theirs" if alone else ""
        explained = rounded(report["explained_by_group"], 2)
        notes.append(
            f"Measured within groups{but}: the {report['groups']:,} groups alone explain {explained:.0%} of the "
            "variance; r2_total is of all of it, each group's mean known."
        )
    if head.typical is not None:
        notes.append(f"Predicts for {whose_texts(head.typical)}; --typical VALUE predicts for another.")
    if "scale" in report:
        notes.append(f"r2 and mae are of {SCORES[report['scale']]}.")
    if found := report.get("interval"):
        whose = ", that of groups of which nothing is known," if found["unseen_groups"] else ""
        notes.append(
            f"The {found['level']:.0%} interval of the stacked value{whose} covers {found['coverage']:.1%} of them."
        )
    if "trials" in report:
        kept = ", ".join(f"{key}={value}" for key, value in head.get_params().items() if key != "random_state")
        notes.append(f"Best of {report['trials']} trials: {kept}.")
    notes.append("Searches lead by the head; what is shown of a text is both, stacked.")
    if fitted.says_nothing:
        notes.append("Together they cannot tell unseen texts apart: the same is predicted for all. Give more rows.")
    say.print("\n" + "\n".join(notes), soft_wrap=True, markup=False)

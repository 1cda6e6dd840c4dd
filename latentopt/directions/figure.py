"""The strength curve as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from latentopt.directions.strength import StrengthRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, SOFT, THIRD = "#1f4e79", "#e69f00", "#7f7f7f"


def strength_figure(rows: Sequence[StrengthRow], *, name: str, chosen: float) -> Figure:
    """What edits gain and what they lose at each strength; the chosen one is marked."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 5.2), layout="constrained")
    gains, losses = figure.subplots(2, 1, sharex=True)
    at = [row.strength for row in rows]
    gains.plot(at, [row.realised for row in rows], color=INK, marker="o", label="realised, in latents")
    if all(row.read is not None for row in rows):
        gains.plot(at, [row.read or 0.0 for row in rows], color=SOFT, marker="s", label="read by the judge of words")
    gains.set_ylabel("attribute (1: people's targets)")
    losses.plot(at, [row.content for row in rows], color=INK, marker="o", label="content kept (chrF)")
    losses.plot(at, [row.changed for row in rows], color=THIRD, marker="^", label="texts changed")
    losses.set_ylim(0, 1.05)
    losses.set_ylabel("share")
    losses.set_xlabel("strength")
    fluency = losses.twinx()
    fluency.plot(at, [row.fluency for row in rows], color=SOFT, marker="s", label="fluency (right)")
    fluency.set_ylabel("nats a token")
    for axis in (gains, losses):
        axis.axvline(chosen, color=THIRD, linewidth=0.8, linestyle="--")
        axis.spines[["top"]].set_visible(False)
    gains.legend(loc="best", frameon=False)
    lines = [*losses.get_lines()[:2], *fluency.get_lines()]
    losses.legend(lines, [str(line.get_label()) for line in lines], loc="best", frameon=False)
    gains.set_title(f"{name}: edits at each strength; {chosen:g} is taken")
    return figure

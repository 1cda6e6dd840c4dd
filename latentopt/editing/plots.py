"""A figure of what edits trade for what. matplotlib is imported with this file, and by no other of this room."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from latentopt.editing.edit import Edit

MOST_NUMBERED = 30  # points, from which on their numbers would hide each other


def fronts(edits: Sequence[Edit]) -> Figure:
    """Candidates by realised value (a panel for each wish), meaning and fluency (colour); those of a text are joined.

    A cross is a text as it stands; numbers are the places of candidates.

    Args:
        edits: with one or more predicted properties; those of all edits are the same.
    """
    columns = list(edits[0].predicted)
    candidates = [candidate for edit in edits for candidate in edit.candidates]
    fluency = [candidate.fluency for candidate in candidates] or [0.0]
    colours = ScalarMappable(Normalize(min(*fluency, -0.01), max(*fluency, 0.01)), "viridis")
    figure = Figure(figsize=(0.8 + 4.4 * len(columns), 3.8), layout="constrained")
    panels = figure.subplots(1, len(columns), squeeze=False, sharey=True)[0]
    for column, axis in zip(columns, panels, strict=True):
        for edit in edits:
            axis.plot([edit.predicted[column].value], [1.0], "x", color="black")
            there = sorted(edit.candidates, key=lambda candidate: candidate.realised[column].value)
            x, y = [c.realised[column].value for c in there], [c.meaning for c in there]
            axis.plot(x, y, color="0.8", linewidth=1, zorder=1)
            axis.scatter(x, y, c=colours.to_rgba(np.array([c.fluency for c in there])), zorder=2)
            for at, candidate in zip(zip(x, y, strict=True), there, strict=True):
                if len(candidates) <= MOST_NUMBERED:
                    number = str(edit.candidates.index(candidate) + 1)
                    axis.annotate(number, at, xytext=(4, 4), textcoords="offset points", fontsize=8)
        axis.set_xlabel(f"{column}, realised")
        axis.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("meaning kept (1: all)")
    figure.colorbar(colours, ax=panels, label="fluency, nats a token\n(above 0: likelier than the text)")
    figure.suptitle(f"candidates: {len(candidates):,}; texts: {len(edits):,} (x: as they stand)")
    return figure

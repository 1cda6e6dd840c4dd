"""Figures: what a latent space looks like, and what a model does with texts. Each returns a matplotlib Figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import rankdata
from torch import Tensor

from latentopt.evaluation.latents import Plane

CELL = 64  # characters in a line of a table
INK, SOFT = "#1f4e79", "#e69f00"  # told apart by the colour-blind, and in grey: one is dark, the other light
PALE = "#b8bec6"


def latent_map(z: Tensor, values: Sequence[float], *, label: str) -> Figure:
    """Latents z (n, d) on their first two principal components, coloured by a property of the texts.

    Colours go by rank: one viral text does not leave all others in one colour.
    """
    plane = Plane.fit(z)
    shown, share = plane(z).numpy(), plane.shares
    figure = Figure(figsize=(6.4, 5.2), layout="constrained")
    axis = figure.add_subplot()
    rank = 100 * (rankdata(np.asarray(values, dtype=float)) - 0.5) / len(z)  # equal values have one rank
    points = axis.scatter(shown[:, 0], shown[:, 1], c=rank, cmap="viridis", s=_size(len(z)), alpha=0.7, linewidths=0)
    figure.colorbar(points, label=f"{label} (percentile)")
    axis.set_xlabel(f"first component ({share[0]:.1%} of the variance)")
    axis.set_ylabel(f"second component ({share[1]:.1%})")
    axis.set_title(f"{len(z):,} latents by {label}")
    return figure


def _size(points: int) -> float:
    """Of a point on a map, in square points: few can be seen, and many do not hide each other."""
    return max(7.0, min(40.0, 4000 / points))


def edit_path(z: Tensor, path: Tensor, texts: Sequence[str]) -> Figure:
    """How an edit went: a text's latent and those of its edits, path (m, d), among many latents z (n, d).

    Args:
        texts: the m texts, in the order of the path; they stand beneath, with their numbers.
    """
    plane = Plane.fit(z)
    cloud, way = plane(z).numpy(), plane(path).numpy()
    lines = [fill(f"{i}  {text}", CELL, subsequent_indent="    ") for i, text in enumerate(texts)]
    height = 4.6 + 0.2 * sum(line.count("\n") + 1 for line in lines)
    figure = Figure(figsize=(6.4, height), layout="constrained")
    axis = figure.add_subplot()
    axis.scatter(cloud[:, 0], cloud[:, 1], s=_size(len(z)), color=PALE, linewidths=0)
    axis.plot(way[:, 0], way[:, 1], color=INK, marker="o", markersize=5)
    for i, (x, y) in enumerate(way):
        axis.annotate(str(i), (x, y), xytext=(5, 5), textcoords="offset points", weight="bold", color=INK)
    axis.set_xlabel(f"first component ({plane.shares[0]:.1%} of the variance)")
    axis.set_ylabel(f"second component ({plane.shares[1]:.1%})")
    axis.set_title("\n".join(lines).replace("$", r"\$"), loc="left", fontsize=9, y=-0.2, va="top")
    return figure


def reconstruction_by_length(rows: Sequence[Mapping[str, float]]) -> Figure:
    """BLEU and exact match by number of tokens, from the rows of `latentopt.evaluation.by_length`."""
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axis = figure.add_subplot()
    place = range(len(rows))
    axis.bar([p - 0.2 for p in place], [row["bleu"] for row in rows], 0.4, color=INK, label="BLEU")
    axis.bar(
        [p + 0.2 for p in place],
        [100 * row["exact"] for row in rows],
        0.4,
        color=SOFT,
        hatch="//",
        label="exact match (%)",
    )
    axis.set_xticks(place, [f"{row['tokens_from']:.0f}-{row['tokens_to']:.0f}\n{row['texts']:,.0f}" for row in rows])
    axis.set_xlabel("tokens, and number of texts")
    axis.set_ylim(0, 100)
    axis.set_title("Reconstruction by length")
    axis.legend(loc="upper right", frameon=True)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def interpolation_table(paths: Sequence[Sequence[str]]) -> Figure:
    """The texts on the ways between pairs of texts: a column for each pair, a row for each point."""
    columns = [[fill(text, CELL) for text in path] for path in paths]
    heights = [max(column[i].count("\n") + 1 for column in columns) for i in range(len(paths[0]))]
    total = sum(heights) + 0.6 * len(heights)
    figure = Figure(figsize=(0.6 + 4.6 * len(columns), 0.6 + 0.17 * total), layout="constrained")
    axis = figure.add_subplot()
    axis.set_axis_off()
    axis.set_xlim(-0.07, len(columns))
    axis.set_ylim(total, -0.6)
    y = 0.0
    for i, height in enumerate(heights):
        if i % 2 == 0:
            axis.axhspan(y - 0.3, y + height + 0.3, color="#f1f4f8", linewidth=0)
        axis.text(-0.07, y, f"{i / max(1, len(heights) - 1):.1f}", va="top", fontsize=8, color=INK)
        for j, column in enumerate(columns):
            # A $ would start a formula.
            axis.text(j + 0.01, y, column[i].replace("$", r"\$"), va="top", fontsize=8, family="monospace")
        y += height + 0.6
    return figure


def training_curves(curve: Sequence[Mapping[str, float]], measures: Mapping[str, str]) -> Figure:
    """Measures over training steps, a panel each.

    Args:
        curve: rows with `step` and measures; a row may lack some.
        measures: the name of each in `curve`, and what to call it.
    """
    figure = Figure(figsize=(3.2 * len(measures), 3), layout="constrained")
    for number, (name, title) in enumerate(measures.items(), 1):
        axis = figure.add_subplot(1, len(measures), number)
        rows = [row for row in curve if name in row]
        axis.plot([row["step"] for row in rows], [row[name] for row in rows], color=INK, marker=".")
        axis.set_xlabel("step")
        axis.set_title(title)
        axis.spines[["top", "right"]].set_visible(False)
    return figure

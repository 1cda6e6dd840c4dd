"""Draw the figures of `How it works` from what was measured.

    python docs/figures/draw.py

reads measured.json (see measure.py), experiments/bundled/results.json and the statistics of the bundled direction, and
writes PNG beside this file. Colours are those of Okabe and Ito, which the colour-blind tell apart; shapes and labels
say the same in print.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import NullLocator

from latentopt.directions import Direction

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#6b6b6b"


def flow() -> Figure:
    """The way of an edit."""
    figure = Figure(figsize=(9, 3.1), layout="constrained")
    axis = figure.add_subplot()
    axis.set(xlim=(0, 9), ylim=(0, 3.1))
    axis.axis("off")
    for x, y, title, words, colour in [
        (0.1, 1.9, "encode", '"the train is late again"\n→ z', BLUE),
        (2.35, 1.9, "search", "move z, until a head\npredicts what is wished", ORANGE),
        (4.6, 1.9, "write", '"the train is ___"\nfilled in many ways, as z says', GREEN),
        (6.85, 1.9, "measure", "encode the new texts,\npredict again: realised", BLUE),
        (6.85, 0.3, "rank", "keep what is better,\nfluent and the same message", GREY),
    ]:
        axis.add_patch(
            FancyBboxPatch((x, y), 2, 1, boxstyle="round,pad=0.02", facecolor="white", edgecolor=colour, lw=2)
        )
        axis.text(x + 1, y + 0.74, title, ha="center", va="center", weight="bold", color=colour)
        axis.text(x + 1, y + 0.34, words, ha="center", va="center", fontsize=8.5)
    arrow = {"arrowstyle": "-|>", "color": "black", "lw": 1.2}
    for start, end in [((2.13, 2.4), (2.32, 2.4)), ((4.38, 2.4), (4.57, 2.4)), ((6.63, 2.4), (6.82, 2.4))]:
        axis.annotate("", end, start, arrowprops=arrow)
    axis.annotate("", (7.85, 1.33), (7.85, 1.87), arrowprops=arrow)
    again = {**arrow, "connectionstyle": "angle,angleA=0,angleB=90", "linestyle": "dashed"}
    axis.annotate("", (5.6, 1.87), (6.82, 0.8), arrowprops=again)
    axis.text(
        5.45,
        0.8,
        "only where nothing may be shown:\nanew, with other fills",
        ha="right",
        va="center",
        fontsize=8.5,
    )
    return figure


def collapse(found: dict[str, dict[str, float]]) -> Figure:
    """What three regularizers leave of a latent."""
    figure = Figure(figsize=(8, 3), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    panels = [
        (left, "active_axes", 100.0, "latent axes in use (%)"),
        (middle, "bleu", 1.0, "BLEU of sentences from their latents"),
        (right, "mmd", 1.0, "distance to N(0, I) (MMD)"),
    ]
    for axis, key, unit, title in panels:
        bars = axis.bar(list(found), [unit * found[name][key] for name in found], color=[GREY, ORANGE, BLUE])
        axis.bar_label(bars, fmt="%.2f" if key == "mmd" else "%.0f", padding=2)
        axis.set_title(title, fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(y=0.15)
    return figure


def guidance(fills: dict[str, dict[str, float]]) -> Figure:
    """What a fill costs, given the text's own latent, none, and another's."""
    figure = Figure(figsize=(6, 2.2), layout="constrained")
    axis = figure.add_subplot()
    names = {"true": "its own latent", "null": "no latent", "wrong": "another text's"}
    bars = axis.barh(list(names.values()), [fills[name]["nats"] for name in names], color=[BLUE, GREY, ORANGE])
    axis.bar_label(bars, fmt="%.2f", padding=3)
    axis.invert_yaxis()
    axis.set_xlabel("nats per token of the words that stood there (fewer: more expected)")
    axis.margins(x=0.1)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def promised(found: list[dict[str, Any]]) -> Figure:
    """What latents promised, and what their texts keep."""
    figure = Figure(figsize=(5.2, 4), layout="constrained")
    axis = figure.add_subplot()
    for kind, label, colour, marker in (
        ("moved", "led by a moved latent", BLUE, "o"),
        ("null", "given the latent that says nothing", ORANGE, "s"),
        ("read", "words left out: a latent that was read", GREEN, "^"),
    ):
        rows = [row for row in found if row["from"] == kind]
        places = [row["promised"] for row in rows], [row["realised"] for row in rows]
        axis.scatter(*places, c=colour, marker=marker, s=28, alpha=0.8, label=label)
    axis.plot([0.5, 3], [0.5, 3], color=GREY, lw=1, ls="--")
    axis.text(1.75, 1.75, "  kept in full", color=GREY, fontsize=8, ha="left", va="center")
    axis.set(xscale="log", yscale="log", xlabel="promised by the latent", ylabel="realised by the text")
    most = max(row["promised"] for row in found)
    axis.set(xlim=(0.6, 1.5 * most), ylim=(0.95, 2))
    tens = [10**power for power in range(len(f"{most:.0f}"))]
    for of, ticks in (
        (axis.xaxis, tens if most > 100 else (1, 2, 4, 8, 16, 32, 64)),
        (axis.yaxis, (1, 1.25, 1.5, 2)),
    ):
        of.set_ticks(ticks, labels=[f"x {tick:,g}" for tick in ticks])
        of.set_minor_locator(NullLocator())
    axis.legend(frameon=False, fontsize=8, loc="upper right")
    return figure


def strength(direction: Direction) -> Figure:
    """How far texts move along a direction, and what they keep, at each strength."""
    rows = direction.statistics["strengths"]
    figure = Figure(figsize=(5.6, 3.2), layout="constrained")
    axis = figure.add_subplot()
    for key, label, colour, style in [
        ("realised", "moved (1: as pairs differ)", BLUE, "o-"),
        ("content", "kept of the source (chrF)", ORANGE, "s--"),
        ("balance", "balance of both", GREEN, "^:"),
    ]:
        axis.plot([row["strength"] for row in rows], [row[key] for row in rows], style, color=colour, label=label)
    axis.axvline(direction.strength, color=GREY, lw=1)
    axis.text(
        direction.strength, 0.02, "chosen ", color=GREY, fontsize=8, ha="right", transform=axis.get_xaxis_transform()
    )
    axis.set(xlabel=f"strength of {direction.name!r}", ylim=(0, 1.05))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=8, loc=(0.4, 0.12))
    return figure


if __name__ == "__main__":
    measured = json.loads((HERE / "measured.json").read_text())
    bundled = json.loads((REPOSITORY / "experiments/bundled/results.json").read_text())
    civil = Direction.from_pretrained(REPOSITORY / "latentopt/pretrained/directions/civil.safetensors")
    figures = {
        "flow": flow(),
        "collapse": collapse(measured["collapse"]),
        "guidance": guidance(bundled["measured"]["fills"]),
        "promised": promised(measured["promised"]),
        "strength": strength(civil),
    }
    for name, figure in figures.items():
        figure.savefig(HERE / f"{name}.png", dpi=140)

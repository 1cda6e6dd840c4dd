"""Figures that one can point at, as the JSON that plotly.js reads; its script comes with Gradio, from this machine."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from textwrap import wrap
from typing import Any

import numpy as np
from scipy.stats import rankdata
from torch import Tensor

from latentopt.web.desk import Rung
from latentopt.web.maps import Map

INK, SOFT, PATH = "#1f4e79", "#8a8f98", "#c2410c"
HOVER = 50  # characters in a line


def map_figure(drawn: Map, colour: str, path: Tensor, path_texts: Sequence[str]) -> dict[str, Any]:
    """The map, coloured by the ranks of a property, and one's text and its edits (n, 2) as a path."""
    values = np.asarray(drawn.values[colour], dtype=float)
    hover = [
        f"{_lines(text)}<br>{escape(colour)} {value:,.3g}" for text, value in zip(drawn.texts, values, strict=True)
    ]
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "texts",
            "x": drawn.points[:, 0].tolist(),
            "y": drawn.points[:, 1].tolist(),
            "hovertext": hover,
            "hoverinfo": "text",
            "marker": {
                "color": (100 * (rankdata(values) - 0.5) / len(values)).tolist(),
                "colorscale": "Viridis",
                "size": 7,
                "opacity": 0.75,
                "colorbar": {
                    "title": {"text": f"{colour} (percentile)", "side": "top"},
                    "orientation": "h",  # above the map, which keeps its width on a telephone
                    "thickness": 12,
                    "y": 1.02,
                    "yanchor": "bottom",
                },
            },
        }
    ]
    if len(path):
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": "your text",
                "x": path[:, 0].tolist(),
                "y": path[:, 1].tolist(),
                "hovertext": [_lines(text) for text in path_texts],
                "hoverinfo": "text",
                "line": {"color": PATH, "width": 2},
                "marker": {
                    "color": PATH,
                    "size": 13,
                    "symbol": ["circle-open", *["diamond"] * (len(path) - 1)],
                    "line": {"width": 3, "color": PATH},
                },
            }
        )
    first, second = drawn.plane.shares
    return {
        "data": traces,
        "layout": _layout(
            xaxis={"title": {"text": f"first component ({first:.0%} of variance)"}, "zeroline": False},
            yaxis={"title": {"text": f"second component ({second:.0%})"}, "zeroline": False},
            height=560,
        ),
    }


def sweep_figure(name: str, rungs: Sequence[Rung]) -> dict[str, Any]:
    """What a strength does: the attribute, the meaning and the fluency of the edits, one above the other."""
    asked = [rung.asked for rung in rungs]
    panels = [
        (name, [rung.value for rung in rungs], ""),
        ("meaning kept", [rung.meaning for rung in rungs], ".3~p"),  # per cent, as in the table
        ("fluency", [rung.fluency for rung in rungs], ""),
    ]
    traces, axes = [], {}
    for place, (title, values, ticks) in enumerate(panels, 1):
        suffix = "" if place == 1 else str(place)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": asked,
                "y": values,
                "yaxis": f"y{suffix}",
                "name": title,
                "hovertext": [_lines(rung.text) for rung in rungs],
                "hoverinfo": "y+text",
                "line": {"color": INK},
                "marker": {"size": 9},
            }
        )
        bottom = 1 - place / 3
        axes[f"yaxis{suffix}"] = {
            "title": {"text": title},
            "domain": [bottom + 0.03, bottom + 0.3],
            "nticks": 4,
            "tickformat": ticks,
        }
    return {
        "data": traces,
        "layout": _layout(
            xaxis={"title": {"text": "strength that was asked for", "standoff": 10}, "anchor": f"y{len(panels)}"},
            height=560,
            **axes,
        ),
    }


def _layout(*, height: int, **axes: Any) -> dict[str, Any]:
    return {
        "height": height,
        "showlegend": False,
        "hovermode": "closest",
        "margin": {"l": 60, "r": 10, "t": 20, "b": 50},
        "font": {"family": "system-ui, sans-serif", "size": 13},
        "template": {"layout": {"paper_bgcolor": "white", "plot_bgcolor": "#f6f7f9"}},
        **axes,
    }


def _lines(text: str) -> str:
    return "<br>".join(escape(line) for line in wrap(text, HOVER))

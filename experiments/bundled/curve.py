"""The curve of the shipped model's training, of results.json, as a figure: figures/training.png."""

from __future__ import annotations

import json
from pathlib import Path

from latentopt.evaluation.plots import training_curves

HERE = Path(__file__).parent
MEASURES = {
    "fills": "fills, nats a token",
    "wholes": "whole texts, nats a token",
    "teacher": "1 - cosine to the teacher",
}

if __name__ == "__main__":
    rows, written = [], 0  # a step is of 24 texts that are written, whatever the stage
    for stage in json.loads((HERE / "results.json").read_text())["training"]["stages"]:
        per_step = stage["written"] / stage["steps"]
        rows += [
            {**row, "step": (written + round(row["step"] * per_step)) // 24} for row in stage["curve"] if "fills" in row
        ]
        written += stage["written"]
    training_curves(rows, MEASURES).savefig(HERE / "figures/training.png", dpi=110)

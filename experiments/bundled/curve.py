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
    rows = json.loads((HERE / "results.json").read_text())["training"]["curve"]
    training_curves(rows, MEASURES).savefig(HERE / "figures/training.png", dpi=110)

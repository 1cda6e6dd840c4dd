"""The curve of the shipped run, of results.json, as a figure: figures/training.png."""

from __future__ import annotations

import json
from pathlib import Path

from latentopt.evaluation.plots import training_curves

HERE = Path(__file__).parent
MEASURES = {
    "lm": "nats a token, no latent",
    "fill": "fills, with the latent",
    "fill0": "fills, no latent",
    "whole": "whole, with the latent",
    "cos": "cosine to the teacher",
}

if __name__ == "__main__":
    curve = json.loads((HERE / "results.json").read_text())["training"]["curve"]
    rows = [{"step": row["texts"] // 24, **row} for row in curve]
    training_curves(rows, MEASURES).savefig(HERE / "figures/training.png", dpi=110)

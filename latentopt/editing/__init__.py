"""Edit texts towards a goal: search, write, measure, rank."""

from latentopt.editing.edit import Candidate, Edit, Estimate
from latentopt.editing.editor import optimize_texts
from latentopt.editing.objectives import (
    Along,
    AtLeast,
    AtMost,
    BlackBox,
    Maximize,
    Minimize,
    Near,
    Objective,
    Target,
    Typical,
)

__all__ = [
    "Along",
    "AtLeast",
    "AtMost",
    "BlackBox",
    "Candidate",
    "Edit",
    "Estimate",
    "Maximize",
    "Minimize",
    "Near",
    "Objective",
    "Target",
    "Typical",
    "optimize_texts",
]

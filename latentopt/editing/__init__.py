"""Edit texts towards a goal: search, write, measure, rank."""

from latentopt.editing.constraints import MaxTokens, standard
from latentopt.editing.edit import Candidate, Change, Edit, Estimate
from latentopt.editing.editor import Effort, TextEditor
from latentopt.editing.objectives import (
    Along,
    AtLeast,
    AtMost,
    BlackBox,
    Maximize,
    Minimize,
    Near,
    Objective,
    OfTexts,
    Sum,
    Target,
    Typical,
    Wish,
    columns,
)
from latentopt.editing.rank import Best, Floors, Front
from latentopt.editing.write import Infill, Rewrite

__all__ = [
    "Along",
    "AtLeast",
    "AtMost",
    "Best",
    "BlackBox",
    "Candidate",
    "Change",
    "Edit",
    "Effort",
    "Estimate",
    "Floors",
    "Front",
    "Infill",
    "MaxTokens",
    "Maximize",
    "Minimize",
    "Near",
    "Objective",
    "OfTexts",
    "Rewrite",
    "Sum",
    "Target",
    "TextEditor",
    "Typical",
    "Wish",
    "columns",
    "standard",
]

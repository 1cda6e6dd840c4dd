"""What a latent shall become: terms (n, d) -> (n,), lower is better, and their weighted sum.

`Target(likes, 1000) + 0.5 * Maximize(sentiment) + Near()` is an objective. Losses are in units of the head's
`score_scale`, so that terms of different heads weigh alike.
"""

from latentopt.editing.objectives.along import Along
from latentopt.editing.objectives.black_box import BlackBox
from latentopt.editing.objectives.objective import Objective, Sum
from latentopt.editing.objectives.places import Near, Typical
from latentopt.editing.objectives.texts import OfTexts, TextObjective, text_losses, text_objective
from latentopt.editing.objectives.wish import ScoredWish, Wish, WithValue, columns, scored_columns
from latentopt.editing.objectives.wishable import Wishable
from latentopt.editing.objectives.wishes import AtLeast, AtMost, HeadWish, Maximize, Minimize, Target

__all__ = [
    "Along",
    "AtLeast",
    "AtMost",
    "BlackBox",
    "HeadWish",
    "Maximize",
    "Minimize",
    "Near",
    "Objective",
    "OfTexts",
    "ScoredWish",
    "Sum",
    "Target",
    "TextObjective",
    "Typical",
    "Wish",
    "Wishable",
    "WithValue",
    "columns",
    "scored_columns",
    "text_losses",
    "text_objective",
]

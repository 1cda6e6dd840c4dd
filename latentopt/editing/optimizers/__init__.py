"""Ways to lower an objective: one algorithm, one file. `optimize` in editing/search.py is the loop around them."""

from latentopt.editing.optimizers.gradient import PreconditionedGradient
from latentopt.editing.optimizers.optimizer import Optimizer
from latentopt.editing.optimizers.random_search import RandomSearch

__all__ = ["Optimizer", "PreconditionedGradient", "RandomSearch"]

"""Ways to lower an objective: one algorithm, one file. `optimize` in optimize.py is the loop around them."""

from latentopt.optimizers.gradient import PreconditionedGradient
from latentopt.optimizers.optimizer import Optimizer
from latentopt.optimizers.random_search import RandomSearch

__all__ = ["Optimizer", "PreconditionedGradient", "RandomSearch"]

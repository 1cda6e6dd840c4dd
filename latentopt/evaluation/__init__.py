"""How good a model is: what `latentopt evaluate` reports, and its measures one by one."""

from latentopt.evaluation.fills import fills, language_model
from latentopt.evaluation.latents import dimensions, latent_health, mmd_test
from latentopt.evaluation.report import Evaluation, evaluate
from latentopt.evaluation.texts import by_length, distinct_n, interpolation, reconstruction, valid_share

__all__ = [
    "Evaluation",
    "by_length",
    "dimensions",
    "distinct_n",
    "evaluate",
    "fills",
    "interpolation",
    "language_model",
    "latent_health",
    "mmd_test",
    "reconstruction",
    "valid_share",
]

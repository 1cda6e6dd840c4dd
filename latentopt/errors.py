"""The one error that latentopt raises for what a person can mend.

The command line prints it to standard error and exits with 1. Everything else that escapes is a bug.
"""

from __future__ import annotations

from property_models.errors import LatentoptError

__all__ = ["LatentoptError", "TruncationWarning"]


class TruncationWarning(UserWarning):
    """A text was longer than the model's limit, so that its end is not in the latent."""

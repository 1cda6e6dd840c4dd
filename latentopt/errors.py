"""The one error that latentopt raises for what a person can mend.

The command line prints it to standard error and exits with 1. Everything else that escapes is a bug.
"""

from __future__ import annotations

# A head's error must be one of these, and `except` asks for a real base class: it has to be made where HeadError is,
# since property_models imports nothing of latentopt. For all who use it, its home is here.
from property_models.errors import LatentoptError

__all__ = ["LatentoptError", "TruncationWarning", "first_line"]


def first_line(error: Exception) -> str:
    """What an error of another library says, in short, for a message of ours."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


class TruncationWarning(UserWarning):
    """A text was longer than the model's limit, so that its end is not in the latent."""

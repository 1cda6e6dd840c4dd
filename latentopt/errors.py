"""The one error that latentopt raises for what a person can mend."""

from __future__ import annotations


class LatentoptError(Exception):
    """A message for a person: the rule, what arrived, and what to do next.

    The command line prints it to standard error and exits with 1. Everything else that escapes is a bug.
    """


class TruncationWarning(UserWarning):
    """A text was longer than the model's limit, so that its end is not in the latent."""

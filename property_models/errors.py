"""The one error that is raised for what a person can mend."""

from __future__ import annotations


class LatentoptError(Exception):
    """A message for a person: the rule, what arrived, and what to do next.

    It is that of the whole distribution: who catches it catches the errors of heads, too. It stands here because
    nothing of latentopt is imported here, and latentopt imports it from here.
    """


class HeadError(LatentoptError, ValueError):
    """A head was given what it cannot use."""

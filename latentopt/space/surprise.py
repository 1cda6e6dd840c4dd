"""What each token of a text costs a language model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Surprise:
    """Nats of a text's tokens.

    ends: the character at which each of t tokens ends. nats: minus the log-probability of each given those before it,
    and of the text's end, t + 1.
    """

    ends: list[int]
    nats: list[float]

    @property
    def mean(self) -> float:
        """Nats per token, the end included."""
        return sum(self.nats) / len(self.nats)

    def within(self, start: int, end: int) -> float:
        """Nats of the tokens that end in the characters start to end."""
        return sum(nats for at, nats in zip(self.ends, self.nats, strict=False) if start < at <= end)

"""Which texts may be shown, which are worked on, and in which order they stand."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from latentopt.editing.constraints import Breach
from latentopt.editing.edit import count_words
from latentopt.editing.measure import Attempt
from latentopt.editing.pareto import pareto

# What acceptability (a rating), fluency and strain (nats), meaning and the share of the words that changed
# are worth, in losses of 1: misses of one standard deviation. And that nothing was taken away: of 15 such edits that
# were read, 2 could be posted (experiments/edits).
ACCEPTABILITY_WEIGHT = 5.0
TYPICAL = 0.5  # rating of the edits that pass all other floors: counts for one of which none is known
FAR = 2.0  # of losses far above it, about their logarithm counts
FLUENCY_WEIGHT = 3.0
FLUENT = 0.2  # nats per token above the source: more is no better, but for the model's taste
STRAIN_WEIGHT = 0.4
MEANING_WEIGHT = 8.0
CHANGE_WEIGHT = 1.0
ADDED_WEIGHT = 0.5
ALIKE = 0.6  # share of their changed words from which on two texts are one proposal


@dataclass(frozen=True)
class Floors:
    """What a text must have to be shown.

    fluency: least change in nats per token against the source. cost: most nats that the whole text may cost more than
    the source; each word that is added may be easy to foresee, and all together say what nobody said. strain: most nats
    by which a change may stand out. meaning: least cosine to the source. change: most of the source's words that may
    change, as a share; one always may. acceptability: least rating to expect, where the model has learned from ratings
    of edits for such a goal.
    """

    fluency: float = -0.1
    cost: float = 8.0
    strain: float = 3.0
    meaning: float = 0.7
    change: float = 0.35
    acceptability: float = 0.4

    def most_words(self, words: int) -> int:
        """How many of so many words may change."""
        return max(1, int(self.change * words + 1e-9))

    def cheap(self, attempt: Attempt, source: str) -> list[Breach]:
        """What an attempt falls short of, of all but fluency and acceptability, constraints among it."""
        found = list(attempt.broken)
        words = count_words(source)
        if round(attempt.changed * words) > self.most_words(words):
            found.append(
                Breach(f"changes {attempt.changed:.0%} of the words, above {self.change:.0%}", "a larger --change")
            )
        if not any(letter.isalnum() or ord(letter) > 0x2000 for c in attempt.changes for letter in c.was + c.now):
            found.append(Breach("changes marks alone, and no word", "another seed"))
        if attempt.meaning < self.meaning:
            found.append(
                Breach(f"keeps a meaning of {attempt.meaning:.2f}, below {self.meaning:.2f}", "a smaller --min-meaning")
            )
        return found

    def costly(self, attempt: Attempt) -> list[Breach]:
        """What an attempt falls short of in fluency and acceptability; nothing where nobody asked for them."""
        found = []
        if attempt.fluency is not None and attempt.fluency < self.fluency:
            said = f"has a fluency of {attempt.fluency:+.2f} nats a token, below {self.fluency:+.2f}"
            found.append(Breach(said, "a smaller --min-fluency"))
        if attempt.cost is not None and attempt.cost > self.cost:
            said = f"costs {attempt.cost:.1f} nats more than the text in all, above {self.cost:.1f}"
            found.append(Breach(said, "in Python, a larger Floors(cost=...)"))
        if attempt.strain is not None and attempt.strain > self.strain:
            said = f"has a word that stands out by {attempt.strain:.1f} nats, above {self.strain:.1f}"
            found.append(Breach(said, "in Python, a larger Floors(strain=...)"))
        if attempt.acceptability is not None and attempt.acceptability < self.acceptability:
            said = f"can expect a rating of {attempt.acceptability:.2f} from 0 to 2, below {self.acceptability:.2f}"
            found.append(Breach(said, "a smaller --min-acceptability"))
        return found


def tempered(loss: float) -> float:
    """A loss, of what is far above FAR about the logarithm: it is the square of how far a wish is.

    A wish that is far away would else be all that counts. Losses below 0, of what shall be as much as there is, are no
    squares, and stay as they are.
    """
    return min(loss, FAR * math.asinh(loss / FAR))


def value(attempt: Attempt) -> float:
    """What attempts are ordered by, lower is better: the cautious loss, fluency, meaning, and what ratings expect.

    Of losses what `tempered` leaves.
    """
    fluency = FLUENT if attempt.fluency is None else attempt.fluency
    odd = FLUENCY_WEIGHT * max(0.0, FLUENT - fluency) + STRAIN_WEIGHT * (attempt.strain or 0.0)
    changed = CHANGE_WEIGHT * attempt.changed + ADDED_WEIGHT * attempt.only_adds
    rating = TYPICAL if attempt.acceptability is None else attempt.acceptability
    accepted = ACCEPTABILITY_WEIGHT * (rating - TYPICAL)
    return tempered(attempt.cautious) + odd + MEANING_WEIGHT * (1 - attempt.meaning) + changed - accepted


def ordered(attempts: Iterable[Attempt]) -> list[Attempt]:
    """Attempts, best first."""
    return sorted(attempts, key=lambda attempt: (value(attempt), attempt.text))


def spread(attempts: Iterable[Attempt], most: int) -> list[Attempt]:
    """The best attempts that differ from each other in what they have changed."""
    chosen: list[Attempt] = []
    for attempt in ordered(attempts):
        if len(chosen) == most:
            break
        if all(_alike(attempt, other) < ALIKE for other in chosen):
            chosen.append(attempt)
    return chosen


class Choice(Protocol):
    """Which of the texts that may be shown are."""

    def __call__(self, attempts: Sequence[Attempt], merits: Tensor) -> list[Attempt]:
        """Some attempts, best first. merits: (n, k), all that is wanted of them, larger is better."""


@dataclass(frozen=True)
class Best:
    """The best few that differ in what they have changed."""

    most: int = 3

    def __call__(self, attempts: Sequence[Attempt], merits: Tensor) -> list[Attempt]:
        return spread(attempts, self.most)


@dataclass(frozen=True)
class Front:
    """The Pareto front: those that no other beats in every wish, in fluency and in meaning at once."""

    most: int = 10

    def __call__(self, attempts: Sequence[Attempt], merits: Tensor) -> list[Attempt]:
        kept = pareto(merits).tolist() if attempts else []
        return ordered(attempt for attempt, keep in zip(attempts, kept, strict=True) if keep)[: self.most]


def shortest_way(refused: Sequence[tuple[Attempt, list[Breach]]]) -> str:
    """Why nothing is shown: what most of the best refused attempts broke, and what lets more through.

    Args:
        refused: attempts that are better than the source, with what they broke.
    """
    best = sorted(refused, key=lambda pair: value(pair[0]))[:10]
    if not best:
        return "no text was written that is better than this one"
    needed = Counter(_remedies(broken) for _, broken in best)
    fewest = min(map(len, needed))  # an option that helps alone comes before two that must help each other
    remedies = max((of for of in needed if len(of) == fewest), key=lambda of: needed[of])
    attempt, broken = next((a, b) for a, b in best if _remedies(b) == remedies)
    text = " ".join(attempt.text.split())
    reasons = " and ".join(breach.reason for breach in broken)
    lets = "lets" if fewest == 1 else "let"
    return f"the best attempts were refused: “{text}” {reasons}; {' and '.join(remedies)} {lets} more through"


def _remedies(broken: Sequence[Breach]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(breach.remedy for breach in broken))


def _alike(a: Attempt, b: Attempt) -> float:
    left, right = _changed(a), _changed(b)
    return sum((left & right).values()) / max(1, min(left.total(), right.total()))


def _changed(attempt: Attempt) -> Counter[tuple[str, str]]:
    return Counter(
        (side, word.lower())
        for change in attempt.changes
        for side, words in (("-", change.was), ("+", change.now))
        for word in words.split()
    )

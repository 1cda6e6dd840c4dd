"""What editing gives: edits, each a source with its candidates."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from latentopt.heads.predict import UNTYPICAL

Status = Literal["reached", "improved", "none_better"]
AS_USUAL, UNUSUAL = -0.1, -0.3  # nats per token against the source; people's own rewrites change it by as much
RATED_GOOD, RATED_FAIR = 0.8, 0.5  # expected ratings; how many such edits are good is in experiments/edits

WORD = re.compile(r"[@#]?\w+(?:['’]\w+)*|[^\w\s]")


@dataclass(frozen=True)
class Estimate:
    """A predicted value, and the interval in which nine of ten real ones lie; None where the head gives none.

    Nine of ten holds for texts like those that the head was fitted to. Edits are chosen because the same head likes
    them, so that it flatters them.
    """

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Change:
    """Words that an edit has replaced. was: in the source. now: in the text, its characters start to end."""

    was: str
    now: str
    start: int
    end: int


@dataclass(frozen=True)
class Candidate:
    """A text that an edit may end in.

    changes: what differs from the source. changed: that as a share of the source's words. realised: by property,
    predicted again from the text, by head and reader stacked. promised: by property, what the head predicts at the
    latent that it was led by (of two edits together, the better one's), beginning at what is predicted of the source.
    read: by property, what its reader says of the text, where it has one. agrees: whether no reader says that the text
    goes the other way. meaning: cosine to the source's sentence embedding. similarity: chrF to the source, 0 to 1.
    fluency: nats per token by which it is likelier (above 0) or unlikelier than the source. typicality: share of the
    training latents that are less typical than the text's. loss: the goal's, by the more cautious of head and reader.
    acceptability: the rating that it can expect, from 0 (nobody would post it) to 2 (as it is); None where the model
    has learned from no ratings, or none of edits for such a goal.
    """

    text: str
    changes: list[Change]
    changed: float
    realised: dict[str, Estimate]
    promised: dict[str, float]
    read: dict[str, float]
    agrees: bool
    meaning: float
    similarity: float
    fluency: float
    typicality: float
    loss: float
    acceptability: float | None = None

    @property
    def untypical(self) -> bool:
        """Whether hardly any training text is like it; its interval holds for texts like those."""
        return self.typicality < UNTYPICAL

    @property
    def wording(self) -> str:
        """Its fluency in words."""
        return "as usual" if self.fluency >= AS_USUAL else "unusual" if self.fluency >= UNUSUAL else "odd"

    @property
    def acceptability_words(self) -> str | None:
        """Its acceptability in words; None where none is known."""
        if self.acceptability is None:
            return None
        return "good" if self.acceptability >= RATED_GOOD else "fair" if self.acceptability >= RATED_FAIR else "poor"


@dataclass(frozen=True)
class Edit:
    """A source, what is predicted for it as it stands, and what it could become, best first.

    Candidates break no constraint, lie above all floors, and are better than the source by head, reader and what is
    shown. status: "reached" if the best of them fulfils every wish that has an end, "improved" if it does not,
    "none_better" if there is no candidate. already: whether the source itself fulfils the wishes. reason: of the
    status, in words. read: what readers say of the source.
    """

    source: str
    predicted: dict[str, Estimate]
    read: dict[str, float]
    candidates: list[Candidate]
    status: Status
    already: bool
    reason: str

    @property
    def text(self) -> str:
        """The best candidate's text, or the source where there is none."""
        return self.candidates[0].text if self.candidates else self.source

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON, in the shape of docs/schemas/edits.schema.json."""
        return {
            "source": self.source,
            "predicted": {name: asdict(estimate) for name, estimate in self.predicted.items()},
            "reader": self.read,
            "status": self.status,
            "already": self.already,
            "reason": self.reason,
            "candidates": [
                {
                    "text": candidate.text,
                    "changes": [asdict(change) for change in candidate.changes],
                    "changed": candidate.changed,
                    "realised": {name: asdict(estimate) for name, estimate in candidate.realised.items()},
                    "promised": candidate.promised,
                    "reader": candidate.read,
                    "agrees": candidate.agrees,
                    "meaning": candidate.meaning,
                    "similarity": candidate.similarity,
                    "fluency": candidate.fluency,
                    "fluency_words": candidate.wording,
                    "typicality": candidate.typicality,
                    "acceptability": candidate.acceptability,
                    "acceptability_words": candidate.acceptability_words,
                }
                for candidate in self.candidates
            ],
        }


def changes_between(source: str, text: str) -> list[Change]:
    """What a text has replaced, taken away and added, word by word."""
    return [Change(source[i:j], text[k:m], k, m) for (i, j), (k, m) in places_changed(source, text)]


def places_changed(source: str, text: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """The characters of a source that a text has replaced, and those of the text that stand there now, from and to.

    What was added or taken away leaves a place of no length on the other side, behind the word before it.
    """
    before, after = list(WORD.finditer(source)), list(WORD.finditer(text))
    a, b = [m.group() for m in before], [m.group() for m in after]
    steps = difflib.SequenceMatcher(a=a, b=b, autojunk=False).get_opcodes()
    return [(_place(before, i, j), _place(after, k, m)) for kind, i, j, k, m in steps if kind != "equal"]


def _place(words: Sequence[re.Match[str]], first: int, last: int) -> tuple[int, int]:
    if last > first:
        return words[first].start(), words[last - 1].end()
    return (words[first - 1].end() if first else 0,) * 2


def count_words(text: str) -> int:
    """Words and marks of a text."""
    return len(WORD.findall(text))


def words_changed(changes: list[Change]) -> int:
    """Words and marks that were taken away or added; of a replacement the longer side."""
    return sum(max(count_words(change.was), count_words(change.now)) for change in changes)

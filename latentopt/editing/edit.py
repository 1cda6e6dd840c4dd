"""What editing gives: edits, each a source with its candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["reached", "improved", "none_better"]


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
class Candidate:
    """A text that an edit may end in.

    realised: by property, predicted again from the text. promised: by property, predicted at the latent that was
    decoded. similarity: chrF to the source, 0 to 1. typicality: share of the training latents that are less typical
    than the text's. fluency: share of the training texts whose n-grams are less usual. distance: Euclidean, from the
    source's latent to the one that was decoded.
    """

    text: str
    realised: dict[str, Estimate]
    promised: dict[str, float]
    similarity: float
    typicality: float
    fluency: float
    distance: float


@dataclass(frozen=True)
class Edit:
    """A source, what is predicted for it as it stands, and what it could become, best first.

    status: "reached" if the best candidate fulfils every wish that has an end and is still an edit of the source (chrF
    of 0.2 or more), "improved" if it comes nearer than the source does, "none_better" if no candidate is better than
    the source.
    """

    source: str
    predicted: dict[str, Estimate]
    candidates: list[Candidate]
    status: Status

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON, in the shape that README documents."""
        return {
            "source": self.source,
            "predicted": {name: estimate.value for name, estimate in self.predicted.items()},
            "candidates": [
                {
                    "text": candidate.text,
                    "realised": {name: vars(estimate) for name, estimate in candidate.realised.items()},
                    "promised": candidate.promised,
                    "similarity": candidate.similarity,
                    "typicality": candidate.typicality,
                    "fluency": candidate.fluency,
                    "distance": candidate.distance,
                }
                for candidate in self.candidates
            ],
            "status": self.status,
        }

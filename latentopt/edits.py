"""What an optimization gives: edits, each a source with its candidates, ranked by what their texts really are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from torch import Tensor

from latentopt.objectives import Head, Objective, Wish

Status = Literal["reached", "improved", "none_better"]
TYPICALITY_WEIGHT = 0.2


@dataclass(frozen=True)
class Estimate:
    """A predicted value, and the interval in which nine of ten real ones lie; None where the head gives none."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Candidate:
    """A text that an edit may end in.

    realised: by property, predicted again from the text. promised: by property, predicted at the latent that was
    decoded. similarity: chrF to the source, 0 to 1. typicality: share of the training latents that are less typical
    than the text's. distance: Euclidean, from the source's latent to the one that was decoded.
    """

    text: str
    realised: dict[str, Estimate]
    promised: dict[str, float]
    similarity: float
    typicality: float
    distance: float


@dataclass(frozen=True)
class Edit:
    """A source, what is predicted for it as it stands, and what it could become, best first.

    status: "reached" if the best candidate fulfils every wish that has an end, "improved" if it comes nearer than the
    source does, "none_better" if no candidate is better than the source.
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
                    "distance": candidate.distance,
                }
                for candidate in self.candidates
            ],
            "status": self.status,
        }


def wishes(goal: Objective) -> dict[str, list[Wish]]:
    """The wishes of an objective by the name of their property."""
    found: dict[str, list[Wish]] = {}
    for _, term in goal.terms:
        if isinstance(term, Wish):
            found.setdefault(term.head.name or "property", []).append(term)
    return found


def estimates(head: Head, z: Tensor) -> list[Estimate]:
    """What a head predicts at latents (n, d), with 90% intervals where it has them."""
    values = np.asarray(head.to_value(head.forward(z).detach()), dtype=float)
    interval = getattr(head, "interval", None)
    if interval is None or not getattr(head, "has_interval", False):
        return [Estimate(value) for value in values.tolist()]
    bounds = interval(z.numpy(), level=0.9).tolist()
    return [Estimate(value, low, high) for value, (low, high) in zip(values.tolist(), bounds, strict=True)]


def similarity(texts: Sequence[str], source: str) -> list[float]:
    """Sentence chrF (Popovic 2015) of each text to the source, 0 to 1."""
    from sacrebleu.metrics.chrf import CHRF

    chrf = CHRF(eps_smoothing=True)
    return [chrf.sentence_score(text, [source]).score / 100 for text in texts]


def rank(loss: float, reached: bool, similarity: float, typicality: float) -> tuple[bool, float]:
    """Sort key of a candidate: fulfilled wishes first, then loss against what was kept of the text, lowest first.

    A loss of 1 is a miss of one standard deviation of the property, and weighs as much as the whole of the text.
    """
    return not reached, loss - similarity - TYPICALITY_WEIGHT * typicality

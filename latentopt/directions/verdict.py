"""The verdict on a direction: works on texts, only in latents, not at all, or too few to tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from latentopt.directions.statistics import Consistency

if TYPE_CHECKING:
    from latentopt.directions.reader import StyleReader

Words = Literal["works on texts", "only in latents", "not at all", "too few to tell"]

DOUBTFUL = 0.05  # p from which on the examples may have no direction
LEAST_CHANGED = 1 / 3  # of the texts
LEAST_GAIN = 0.05  # of what people's targets gain
TELLS = 0.6  # share of held-out pairs that a judge must order rightly to be heard
FEWEST_TEXTS = 2  # that changed: of one, nobody knows how much others differ from it


@dataclass(frozen=True)
class Verdict:
    """What a direction is good for, and what it rests on.

    words: "works on texts": held-out texts that are edited along it read more like targets, by a judge of the words
    that had no part in the edits; "only in latents": the examples have a direction, but that was not seen of texts;
    "not at all": they have none; "too few to tell": so few examples, draws or texts could have shown nothing, whatever
    they are. reason: in words. gain, low, high: mean of what the judge finds that edits gained, and its interval (95%,
    Student's t), 1 being what people's targets gain; None without a judge, and the interval also of a single text.
    texts: that were edited. changed: share of them that were. judge: share of held-out pairs that the judge orders
    rightly, None without one.
    """

    words: Words
    reason: str
    texts: int
    changed: float
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    judge: float | None = None

    @property
    def works(self) -> bool:
        """Whether it works on texts."""
        return self.words == "works on texts"

    def to_json(self) -> dict[str, Any]:
        """Return the attributes by name."""
        return asdict(self)


def verdict(
    found: Consistency,
    sources: Sequence[str],
    edits: Sequence[str],
    *,
    judge: StyleReader | None,
    ordered: float | None,
) -> Verdict:
    """Judge a direction by its consistency, and by edits of held-out texts.

    Args:
        found: the consistency. sources: n held-out texts. edits: what they became. judge: of the words, fitted to
        examples that neither the direction nor the editor's reader had. ordered: share of held-out pairs that it orders
        rightly.
    """
    texts, moved = len(sources), sum(a != b for a, b in zip(sources, edits, strict=True))
    changed = moved / texts
    if found.least_p > DOUBTFUL:
        few = "permutations" if 1 / (1 + found.permutations) > DOUBTFUL else "examples"
        reason = f"p is {found.least_p:.2g} at best of so few {few}, whatever they say; take more"
        return Verdict("too few to tell", reason, texts, changed, judge=ordered)
    if found.cosine_p > DOUBTFUL:
        reason = f"the examples may have no direction in common (p = {found.cosine_p:.2g})"
        return Verdict("not at all", reason, texts, changed, judge=ordered)
    if judge is None or ordered is None or ordered < TELLS:
        said = "there are too few examples" if judge is None or ordered is None else f"it orders {ordered:.0%} rightly"
        reason = f"no judge of the words could be fitted that tells targets from sources ({said}); give more examples"
        return Verdict("only in latents", reason, texts, changed, judge=ordered)
    gains = judge.predict_score(list(edits)) - judge.predict_score(list(sources))
    gain = float(gains.mean())
    if texts < FEWEST_TEXTS:
        reason = f"only {texts} held-out text was edited; edit more (calibrate)"
        return Verdict("too few to tell", reason, texts, changed, gain, judge=ordered)
    low, high = _interval(gains)
    told = f"{changed:.0%} of {texts} held-out texts changed; they gained {gain:.2f} ({low:.2f} to {high:.2f})"
    if changed < LEAST_CHANGED:
        words, why = "only in latents", f"of {texts} held-out texts only {changed:.0%} could be edited"
    elif moved < FEWEST_TEXTS:
        words, why = "too few to tell", f"of {texts} held-out texts one changed; edit more (calibrate)"
    elif low <= 0 or gain < LEAST_GAIN:
        words, why = "only in latents", f"{told} of what people's targets gain, which is too little or too unsure"
    else:
        words, why = "works on texts", f"{told} of what people's targets gain, by a judge of the words"
    return Verdict(words, why, texts, changed, gain, low, high, ordered)  # type: ignore[arg-type]


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Student's interval (95%) of the mean of n values, two or more.

    A bootstrap of so few, which cannot draw what it has not seen, is too narrow.
    """
    from scipy.stats import t

    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5)
    return float(values.mean()) - half, float(values.mean()) + half

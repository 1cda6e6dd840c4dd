"""What a person can wish for on the page: a control for each head and direction of a model.

A control is asked only where its name is chosen; what it then holds is a wish.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from latentopt.directions import Direction
from latentopt.directions.finding import bundled_directions, load_direction
from latentopt.editing import Along, AtLeast, Wish
from latentopt.editing.properties import SURE
from latentopt.errors import LatentoptError
from latentopt.heads import Fitted, bundled_heads, load_fitted

if TYPE_CHECKING:
    from latentopt.editing.measure import SecondOpinion, ShownOpinion
    from latentopt.space import LatentSpace

MOST_TIMES = 10.0
MOST_STRENGTH = 2.0
ORDER = ("log1p", "log", "logit", "identity")  # of the model's heads: counts, shares, other numbers; then classes
LADDER = (0.5, 0.65, 0.8, 0.95)  # of the range of a number, from low to high

Answer = float | str | None  # what a control holds


@dataclass(frozen=True)
class _HeadControl:
    """What controls of heads share."""

    name: str
    fitted: Fitted

    @cached_property
    def _readers(self) -> Mapping[str, SecondOpinion]:
        return self.fitted.readers()

    def readers(self) -> Mapping[str, SecondOpinion]:
        """Second opinions by the names of what is wished for; always the same, so that an editor knows them again."""
        return self._readers

    def opinions(self) -> Mapping[str, ShownOpinion]:
        """What is shown of texts, by the names of what is wished for."""
        return self.fitted.opinions()

    def colours(self, z: Tensor, texts: Sequence[str]) -> dict[str, list[float]]:
        """By name, what is shown of n texts with pooled latents z (n, m): of two classes, the second's probability."""
        shown, names = self.fitted.shown, [each.name or self.name for each in self.fitted.head.properties]
        values = shown.probabilities(z, texts).T if shown.classes else [shown.predict(z, texts)]
        named = list(zip(names, values, strict=True))
        return {name: each.tolist() for name, each in (named[1:] if len(named) == 2 else named)}


@dataclass(frozen=True)
class Times(_HeadControl):
    """A count, such as likes, or a share, such as clicks: how many times what is predicted for the text.

    A share's odds are multiplied, so that it stays one; of small ones that is the same.
    """

    def wish(self, answer: Answer, z: Tensor, text: str) -> Wish:
        """The wish of an answer, for a text whose pooled latent is z (1, m).

        Raises:
            LatentoptError: for an answer that the control cannot hold; a client may send anything.
        """
        times = _number(self.name, answer, 1, MOST_TIMES)
        now = float(self.fitted.shown.predict(z, [text])[0])
        share = self.fitted.head.scale == "logit"
        return AtLeast(self.fitted.head, times * now / (1 + (times - 1) * now if share else 1))

    @property
    def ladder(self) -> list[float]:
        """Answers for a sweep, rising; none where there are no strengths."""
        return [1.5, 2.0, 4.0, 8.0]


@dataclass(frozen=True)
class Value(_HeadControl):
    """Any other number: what it shall be at least. Its methods are as those of `Times`."""

    def wish(self, answer: Answer, z: Tensor, text: str) -> Wish:
        return AtLeast(self.fitted.head, _number(self.name, answer, -math.inf, math.inf))

    @property
    def ladder(self) -> list[float]:
        """Values between which the fitted texts lie."""
        low, high = self.fitted.head.score_range
        return [float(self.fitted.head.to_value(low + share * (high - low))) for share in LADDER]


@dataclass(frozen=True)
class OneOf(_HeadControl):
    """Classes: which one the text shall be of. Its methods are as those of `Times`."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes."""
        return self.fitted.head.classes

    def wish(self, answer: Answer, z: Tensor, text: str) -> Wish:
        if answer not in self.classes:
            got = "none is chosen" if answer is None else f"got {answer}"
            raise LatentoptError(f"{self.name}: choose one of {', '.join(self.classes)}; {got}")
        return AtLeast(self.fitted.head.properties[self.classes.index(str(answer))], SURE)

    @property
    def ladder(self) -> list[float]:
        """A class has no strengths."""
        return []


@dataclass(frozen=True)
class Strength:
    """How far along a direction, in multiples of it; negative goes the other way.

    Its methods are as those of `Times`.
    """

    direction: Direction

    @property
    def name(self) -> str:
        """The direction's."""
        return self.direction.name

    def wish(self, answer: Answer, z: Tensor, text: str) -> Wish:
        if not (strength := _number(self.name, answer, -MOST_STRENGTH, MOST_STRENGTH)):
            raise LatentoptError(f"{self.name}: a strength of 0 changes nothing; choose another")
        return Along(self.direction, strength)

    def readers(self) -> Mapping[str, SecondOpinion]:
        """The second opinion on the direction, where it has one."""
        return self.direction.readers()

    def opinions(self) -> Mapping[str, ShownOpinion]:
        """None: how far a text has gone along a direction, its latent says."""
        return {}

    @property
    def first(self) -> float:
        """The direction's own strength, as near as the control can hold it."""
        return min(max(self.direction.strength, -MOST_STRENGTH), MOST_STRENGTH)

    def colours(self, z: Tensor, texts: Sequence[str]) -> dict[str, list[float]]:
        """How far along the direction, in multiples of it."""
        vector = self.direction.vector
        return {self.name: (z @ vector / vector.square().sum()).tolist()}

    @property
    def ladder(self) -> list[float]:
        return [0.5, 1.0, 1.5, 2.0]


Control = Times | Value | OneOf | Strength


def controls_of(space: LatentSpace, heads: Sequence[Path]) -> list[Control]:
    """Controls of other heads by their directories, of the model's heads, and of the model's directions.

    The model's heads are in the order of what they predict, see ORDER.

    Raises:
        LatentoptError: if a head is damaged or of another space, or two have one name.
    """
    of_the_model = sorted((_of_head(place, space) for place in bundled_heads(space).values()), key=_order)
    found: list[Control] = [*(_of_head(place, space) for place in heads), *of_the_model]
    found += [Strength(load_direction(file, space)) for file in bundled_directions(space).values()]
    names = [control.name for control in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise LatentoptError(f"{twice[0]}: two heads or directions have this name; leave one of them out")
    return found


def _of_head(place: Path, space: LatentSpace) -> Times | Value | OneOf:
    fitted = load_fitted(place, space)
    kind = OneOf if fitted.head.classes else Value if fitted.head.scale == "identity" else Times
    return kind(fitted.head.name or place.name, fitted)


def _order(control: Times | Value | OneOf) -> tuple[bool, int]:
    head = control.fitted.head
    return bool(head.classes), ORDER.index(head.scale)


def _number(name: str, answer: Answer, low: float, high: float) -> float:
    """An answer as a finite number between bounds."""
    try:
        value = float(answer)  # type: ignore[arg-type]  # of a client's
    except (TypeError, ValueError):
        value = math.nan
    if not (low <= value <= high and math.isfinite(value)):
        between = f" from {low:g} to {high:g}" if math.isfinite(low) else ""
        raise LatentoptError(f"{name}: the value must be a number{between}, got {answer}")
    return value

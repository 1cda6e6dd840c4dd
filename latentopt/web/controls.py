"""What a person can wish for on the page: a control for each head and direction of a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latentopt.directions import Direction
from latentopt.directions.find import bundled_names, find
from latentopt.editing import Along, AtLeast, Wish
from latentopt.errors import LatentoptError
from latentopt.heads import bundled_heads, load_head, load_reader
from property_models.base import Classifier, Regressor

if TYPE_CHECKING:
    from torch import Tensor

    from latentopt.heads import Reader
    from latentopt.space import LatentSpace

SURE = 0.9  # the probability that is wished for where a class is chosen, as on the command line
MOST_TIMES = 10.0
MOST_STRENGTH = 2.0
NO_CLASS = "as it is"

Answer = float | str | None  # what a control holds; every control has one that wishes for nothing


@dataclass(frozen=True)
class Times:
    """A count, such as likes: how many times what is predicted for the text. 1 wishes for nothing."""

    name: str
    head: Regressor
    reader: Reader | None
    nothing: Answer = 1.0

    def wish(self, answer: Answer, z: Tensor) -> Wish | None:
        """The wish of an answer, for the text whose pooled latent is z (1, m)."""
        times = number(self.name, answer, 0, MOST_TIMES)
        if times is None or times <= 1:
            return None
        return AtLeast(self.head, times * float(self.head.predict(z.double().numpy())[0]))

    def readers(self) -> dict[str, Reader]:
        """Second opinions by the names of their properties."""
        return {} if self.reader is None else {self.name: self.reader}

    def colours(self, z: Tensor) -> dict[str, list[float]]:
        """By name, what pooled latents z (n, m) can be coloured by, (n,)."""
        return {self.name: self.head.predict(z.double().numpy()).tolist()}

    @property
    def ladder(self) -> list[float]:
        """Answers for a sweep, rising."""
        return [1.5, 2.0, 4.0, 8.0]


@dataclass(frozen=True)
class Value:
    """Any other number: what it shall be at least. Empty wishes for nothing."""

    name: str
    head: Regressor
    reader: Reader | None
    nothing: Answer = None

    def wish(self, answer: Answer, z: Tensor) -> Wish | None:
        """As `Times.wish`."""
        value = number(self.name, answer, float("-inf"), float("inf"))
        return None if value is None else AtLeast(self.head, value)

    def readers(self) -> dict[str, Reader]:
        """As `Times.readers`."""
        return {} if self.reader is None else {self.name: self.reader}

    def colours(self, z: Tensor) -> dict[str, list[float]]:
        """As `Times.colours`."""
        return {self.name: self.head.predict(z.double().numpy()).tolist()}

    @property
    def ladder(self) -> list[float]:
        """As `Times.ladder`: values between which the fitted texts lie."""
        low, high = self.head.score_range
        return [float(self.head.to_value(low + share * (high - low))) for share in (0.5, 0.65, 0.8, 0.95)]


@dataclass(frozen=True)
class OneOf:
    """Classes: which one the text shall be of."""

    name: str
    head: Classifier
    reader: Reader | None
    nothing: Answer = NO_CLASS

    @property
    def classes(self) -> list[str]:
        """The classes."""
        return [str(label) for label in self.head.classes_]

    def wish(self, answer: Answer, z: Tensor) -> Wish | None:
        """As `Times.wish`."""
        if answer in (None, NO_CLASS):
            return None
        return AtLeast(self.head.for_class(answer), SURE)

    def readers(self) -> dict[str, Reader]:
        """As `Times.readers`, one for each class."""
        if self.reader is None:
            return {}
        return {self.head.for_class(label).name: self.reader.for_class(label) for label in self.classes}

    def colours(self, z: Tensor) -> dict[str, list[float]]:
        """As `Times.colours`: the probability of each class; of two, of the second."""
        labels = self.classes[1:] if len(self.classes) == 2 else self.classes
        views = [self.head.for_class(label) for label in labels]
        return {view.name: view.predict(z.double().numpy()).tolist() for view in views}

    @property
    def ladder(self) -> list[float]:
        """A class has no strengths."""
        return []


@dataclass(frozen=True)
class Strength:
    """How far along a direction, in multiples of it; negative goes the other way. 0 wishes for nothing."""

    direction: Direction
    nothing: Answer = 0.0

    @property
    def name(self) -> str:
        """The direction's."""
        return self.direction.name

    def wish(self, answer: Answer, z: Tensor) -> Wish | None:
        """As `Times.wish`."""
        strength = number(self.name, answer, -MOST_STRENGTH, MOST_STRENGTH)
        return Along(self.direction, strength) if strength else None

    def readers(self) -> dict[str, Reader]:
        """A direction has none."""
        return {}

    def colours(self, z: Tensor) -> dict[str, list[float]]:
        """As `Times.colours`: how far along the direction, in multiples of it."""
        vector = self.direction.vector
        return {self.name: (z @ vector / vector.square().sum()).tolist()}

    @property
    def ladder(self) -> list[float]:
        """As `Times.ladder`."""
        return [0.5, 1.0, 1.5, 2.0]


Control = Times | Value | OneOf | Strength


def controls_of(space: LatentSpace, heads: list[Path]) -> list[Control]:
    """Controls of the model's heads, of other heads by their directories, and of the model's directions.

    Raises:
        LatentoptError: if a head is damaged or of another space, or two have one name.
    """
    found: list[Control] = []
    places: list[str | Path] = [*heads, *bundled_heads(space)]
    for place in places:
        head, reader = load_head(place, space), load_reader(place, space)
        name = head.name or str(place)
        if isinstance(head, Classifier):
            found.append(OneOf(name, head, reader))
        else:
            found.append((Times if head.scale == "log1p" else Value)(name, head, reader))
    found += [Strength(find(name, space)) for name in bundled_names(space)]
    names = [control.name for control in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise LatentoptError(
            f"two heads or directions are called {twice[0]}; fit one under another name, or leave it out"
        )
    return found


def number(name: str, answer: Answer, low: float, high: float) -> float | None:
    """An answer as a number between bounds, None for none; a client may send anything."""
    if answer is None or answer == "":
        return None
    try:
        value = float(answer)
    except ValueError:
        value = float("nan")
    if not low <= value <= high or value in (float("inf"), float("-inf")):
        raise LatentoptError(f"{name}: the value must be a number from {low:g} to {high:g}, got {answer}")
    return value

"""The properties that a person may wish for by name, and the wishes that are made of their words."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from latentopt.editing.objectives import AtLeast, AtMost, HeadWish
from latentopt.editing.objectives.wishable import Wishable
from latentopt.errors import LatentoptError
from latentopt.heads import bundled_heads, load_fitted
from latentopt.heads.property import Typical, typical_of

if TYPE_CHECKING:
    from latentopt.editing.measure import ShownOpinion
    from latentopt.heads import Fitted, Reader
    from latentopt.space import LatentSpace
    from property_models import PropertyModel

SURE = 0.9  # probability of a class that is wished for by its name


class WishError(LatentoptError):
    """A wish that no property here can have."""


class Properties:
    """The properties of a space by their names: given heads, and those that came with the model, loaded when asked for.

    Args:
        space: the latent space. heads: directories made by `latentopt fit`; they come before the model's own.
        typical: predict for a group whose texts typically get this, where a property has groups; of each property, or
            of some by name.

    Raises:
        WishError: if two heads are for one property.
        LatentoptError: if there is no such head, or it was fitted on another space.
    """

    def __init__(self, space: LatentSpace, heads: Sequence[Path] = (), *, typical: Typical | None = None) -> None:
        self.space = space
        self.typical = typical
        self._given: dict[str, Fitted] = {}
        self._asked: dict[str, Fitted] = {}
        self._said: set[str] = set()  # properties of which a row's own wish was warned of
        for directory in heads:
            fitted = load_fitted(directory, space)
            name = fitted.head.name or "property"
            if name in self._given:
                raise WishError(f"{directory}: {name} was given twice; give one head for each property")
            self._given[name] = fitted

    def one(self, name: str) -> Wishable:
        """The property of a name, or one class of it, `mood=glad`; of two classes the second, where none is named.

        Raises:
            WishError: if there is none of this name, or none of its classes, of more than two, is named.
        """
        name, _, label = name.partition("=")
        head = self._head(name)
        if label in head.classes:
            return head.properties[head.classes.index(label)]
        if label or len(head.classes) > 2:
            labels = f"the classes {', '.join(head.classes)}" if head.classes else "values and no classes"
            named = f"{name}={head.classes[0]}" if head.classes else name
            raise WishError(f"{name} has {labels}; name {'one' if head.classes else 'it alone'}: {named}")
        return head.properties[-1]

    def possible(self, kind: Callable[[Wishable, Any], HeadWish], name: str) -> list[str]:
        """Values in words that a wish may name: of classes each (see `wish`), and a number in the middle of all.

        Raises:
            WishError: if there is no property of this name.
        """
        head = self._head(name)
        middle = float(head.properties[-1].to_value(torch.tensor(head.score_range).mean()))
        return [*(() if kind is AtMost else head.classes), f"{middle:.17g}"]

    def wish(self, kind: Callable[[Wishable, Any], HeadWish], name: str, value: str, *, own: bool = False) -> HeadWish:
        """The wish that a property has a value in words: a number, or of a class its name.

        Warns where the value lies outside all that the head was fitted to; of each text's own, once a property.

        Args:
            kind: Target, AtLeast or AtMost. name: of the property. value: what is wished; the name of a class,
                but for AtMost, means that the text is of it. own: whether each text has its own, so that a wish
                for a number is worded the same for all.

        Raises:
            WishError: as `one`, and if the property cannot have this value.
        """
        head = self._head(name)
        said = f"{name}={value}"
        if kind is not AtMost and value in head.classes:
            return AtLeast(head.properties[head.classes.index(value)], SURE)
        named = () if kind is AtMost else head.classes
        number = _number(said, value, named, instead=named[1] if named else "0.5" if head.classes else "1000")
        chosen = self.one(name)
        if head.classes and not 0 <= number <= 1:
            known = ", ".join(head.classes)
            raise WishError(f"{said}: the value must be a probability from 0 to 1, or one of {known}")
        try:
            wish = kind(chosen, [number] if own else number)
        except LatentoptError as error:
            raise WishError(f"{said}: {error}") from error
        low, high = chosen.to_value(torch.tensor(head.score_range)).tolist()
        if not head.classes and not low <= number <= high and name not in self._said:
            others = "; other rows with such a wish are not named" if own else ""
            warnings.warn(
                f"{said}: almost all that the head has seen lies between {low:,.4g} and {high:,.4g}; what it predicts "
                f"out there is a guess{others}",
                stacklevel=2,
            )
            if own:
                self._said.add(name)
        return wish

    def readers(self) -> dict[str, Reader]:
        """The readers of the heads that were asked for, by the names of their properties."""
        return {name: reader for fitted in self._asked.values() for name, reader in fitted.readers().items()}

    def opinions(self) -> dict[str, ShownOpinion]:
        """What is shown of the properties that were asked for, by their names: head and reader stacked."""
        return {name: opinion for fitted in self._asked.values() for name, opinion in fitted.opinions().items()}

    def typicals(self) -> dict[str, float]:
        """What texts typically get in the group that is predicted for, of those asked for that have groups.

        Raises:
            WishError: if a typical value was given, and no property that was asked for, or not this one, has groups.
        """
        heads = {name: fitted.head for name, fitted in sorted(self._asked.items())}
        found = {name: head.typical for name, head in heads.items() if head.typical is not None}
        if self.typical is not None and not found:
            raise WishError("--typical is for heads that were fitted with --group, and none of these was")
        if isinstance(self.typical, Mapping) and (others := self.typical.keys() - found.keys()):
            raise WishError(f"--typical {min(others)}: of what is wished for, only {', '.join(found)} has groups")
        return found

    def _head(self, name: str) -> PropertyModel:
        if name not in self._asked:
            places = bundled_heads(self.space)
            if name not in places.keys() | self._given.keys():
                known = ", ".join(sorted(places.keys() | self._given.keys())) or "none"
                raise WishError(
                    f"{name}: there is no such property; known: {known}; `latentopt fit` makes one, --head DIR names it"
                )
            fitted = self._given[name] if name in self._given else load_fitted(places[name], self.space)
            if (typical := typical_of(self.typical, name)) is not None and fitted.head.typical is not None:
                fitted = fitted.with_typical(typical)
            self._asked[name] = fitted
        return self._asked[name].head


def _number(said: str, value: str, classes: Sequence[str], *, instead: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        name = said.partition("=")[0]
        or_class = f" or one of {', '.join(classes)}" if classes else ""
        raise WishError(f"{said}: the value must be a number{or_class}; try {name}={instead}")
    return number

"""What is predicted of a text: a value, where the real one may lie, and where the text stands among others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentopt.errors import LatentoptError
from latentopt.heads.finding import load_fitted
from latentopt.heads.property import Typical, typical_of
from property_models.errors import HeadError

if TYPE_CHECKING:
    from torch import Tensor

    from latentopt.heads.property import Fitted
    from latentopt.space import LatentSpace


UNTYPICAL = 0.01  # share of the training latents that are less typical still


@dataclass(frozen=True)
class Group:
    """Whose texts are predicted for: a group by its name, one with a typical value, one that nothing is known of.

    Of neither, it is the median group, and what its texts get is taken for known. A typical value is that of each
    property, or of some by name.
    """

    name: str | None = None
    typical: Typical | None = None
    unseen: bool = False

    def of(self, fitted: Fitted, property_name: str) -> Fitted:
        """The same property for this group; raises HeadError as `Fitted.with_group` and `with_typical`."""
        if self.name is not None:
            fitted = fitted.with_group(self.name)
        if (typical := typical_of(self.typical, property_name)) is not None:
            fitted = fitted.with_typical(typical)
        return fitted.for_unseen_group() if self.unseen else fitted


MEDIAN = Group()


@dataclass(frozen=True)
class Prediction:
    """A property of a text as it is predicted.

    value: a number, or the likeliest class. It is the stacked value of head and reader, or the head's where there is
    no reader. low, high: nine of ten real values lie between them; None where there is no interval.
    percentile: share of the fitted texts for which less is predicted, who wrote them left aside; of a class, how
    many are found less likely to be of it. probabilities: of all classes; None for a number.
    head, reader: what each of the two says alone; `reader` is None where there is none.
    untypical: whether the latent is one that hardly any training text has: intervals hold for texts like the fitted.
    """

    value: float | str
    low: float | None
    high: float | None
    percentile: float
    probabilities: dict[str, float] | None
    head: float | str
    reader: float | str | None
    untypical: bool


@dataclass(frozen=True)
class Predictions:
    """The predictions of one property for n texts, and the typical value of the group they are for, if there is one.

    name: the property's; of several heads for one property, what each was asked for by.
    """

    name: str
    rows: list[Prediction]
    typical: float | None


def predict_texts(
    space: LatentSpace,
    texts: Collection[str],
    properties: Sequence[str | Path],
    *,
    group: Group = MEDIAN,
    batch_size: int = 64,
    z: Tensor | None = None,
) -> list[Predictions]:
    """Predict properties of texts.

    Args:
        space: encodes the texts. texts: n of them.
        properties: names of the model's heads, or directories of others.
        group: whose texts they are, where a property has groups (see `Group`).
        batch_size: texts that are encoded together.
        z: pooled latents (n, m) of the texts, where they are known (see `kept_latents`); then nothing is encoded.

    Raises:
        LatentoptError: if there is no such head, if it was fitted on another space, if a group is given and no
            property has groups, or has this one, or for texts as `LatentSpace.encode`.
    """
    found = [load_fitted(name, space) for name in properties]
    names = [each.head.name or Path(name).name for name, each in zip(properties, found, strict=True)]
    if group != MEDIAN:
        grouped = [name for name, each in zip(names, found, strict=True) if each.head.typical is not None]
        if not grouped:
            raise HeadError(
                "a group, its name or typical value, is for heads that were fitted with groups, and none of these was"
            )
        if isinstance(group.typical, Mapping) and (others := group.typical.keys() - set(grouped)):
            raise HeadError(
                f"{min(others)}: a typical value is for a head that was fitted with groups, here {', '.join(grouped)}"
            )
        found = [
            each if each.head.typical is None else group.of(each, name) for name, each in zip(names, found, strict=True)
        ]
    z = (space.pooled(space.encode(texts, batch_size=batch_size)) if z is None else z).double()
    rare = _untypical(space, z)
    shown = [
        name if names.count(name) == 1 else str(asked) for name, asked in zip(names, properties, strict=True)
    ]  # else one would take the place of another in a table
    return [
        Predictions(name, _rows(each, z, list(texts), rare), each.head.typical)
        for name, each in zip(shown, found, strict=True)
    ]


def _untypical(space: LatentSpace, z: Tensor) -> list[bool]:
    try:
        density = space.density
    except LatentoptError:  # a model of one's own need not have one; then nothing is known of it
        return [False] * len(z)
    return [bool(share < UNTYPICAL) for share in density.typicality(z.float()).tolist()]


def _rows(fitted: Fitted, z: Tensor, texts: list[str], untypical: list[bool]) -> list[Prediction]:
    head = fitted.head.predict(z.numpy()).tolist()
    reader = [None] * len(head) if fitted.reader is None else fitted.reader.predict(texts).tolist()
    shown = fitted.shown.estimator
    x = fitted.shown.vectors(z, texts)
    values = shown.predict(x).tolist()
    ends: list[Any] = [(None, None)] * len(values)
    chances: list[Any] = [None] * len(values)
    if shown.classes:
        p = shown.probabilities(x)
        places = np.stack([each.percentile(x) for each in shown.properties], axis=1)
        likeliest = p.argmax(1)
        shares = places[np.arange(len(p)), likeliest].tolist()
        chances = [dict(zip(shown.classes, row, strict=True)) for row in p.tolist()]
        values = [shown.classes[i] for i in likeliest]
    else:
        shares = shown.percentile(x).tolist()
        if shown.has_interval:
            ends = shown.interval(x).tolist()
    return [
        Prediction(value, low, high, share, chance, of_head, of_reader, rare)
        for value, (low, high), share, chance, of_head, of_reader, rare in zip(
            values, ends, shares, chances, head, reader, untypical, strict=True
        )
    ]

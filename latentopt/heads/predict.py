"""What is predicted of a text: a value, where the real one may lie, and where the text stands among others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentopt.heads.find import load_head, load_stacked
from latentopt.heads.stacked import Stacked
from property_models.base import Classifier, Regressor
from property_models.errors import HeadError

if TYPE_CHECKING:
    from torch import Tensor

    from latentopt.space import LatentSpace


@dataclass(frozen=True)
class Prediction:
    """A property of a text as it is predicted.

    value: a number, or the likeliest class. It is the stacked value of head and reader, or the head's where there is
    no reader. low, high: nine of ten real values lie between them; None where there is no interval.
    percentile: share of the fitted texts for which less is predicted, who wrote them left aside; of a class, how
    many are found less likely to be of it. probabilities: of all classes; None for a number.
    head, reader: what each of the two says alone; `reader` is None where there is none.
    """

    value: float | str
    low: float | None
    high: float | None
    percentile: float
    probabilities: dict[str, float] | None
    head: float | str
    reader: float | str | None


@dataclass(frozen=True)
class Predictions:
    """The predictions of one property for n texts, and the typical value of the group they are for, if there is one."""

    name: str
    rows: list[Prediction]
    typical: float | None


def predict_texts(
    space: LatentSpace,
    texts: Collection[str],
    properties: Sequence[str | Path],
    *,
    typical: float | None = None,
    batch_size: int = 64,
) -> list[Predictions]:
    """Predict properties of texts.

    Args:
        space: encodes the texts. texts: n of them.
        properties: names of the model's heads, or directories of others.
        typical: predict for a group whose texts typically get this, where a property has groups.
        batch_size: texts that are encoded together.

    Raises:
        LatentoptError: if there is no such head, if it was fitted on another space, if `typical` is given and no
            property has groups, or for texts as `LatentSpace.encode`.
    """
    found = [load_stacked(name, space) or load_head(name, space) for name in properties]
    if typical is not None:
        if not any(each.typical is not None for each in found):
            raise HeadError("a typical value is for heads that were fitted with groups, and none of these was")
        found = [_with_typical(each, typical) for each in found]
    z = space.pooled(space.encode(texts, batch_size=batch_size)).double()
    named = zip(properties, found, strict=True)
    return [
        Predictions(each.name or Path(name).name, _rows(each, z, list(texts)), each.typical) for name, each in named
    ]


def _with_typical(each: Stacked | Regressor | Classifier, typical: float) -> Stacked | Regressor | Classifier:
    if each.typical is None or isinstance(each, Classifier):
        return each
    if not isinstance(each, Stacked):
        return each.with_typical(typical)
    assert isinstance(each.head, Regressor)  # it has a typical value
    stacked = each.with_typical(typical)
    return Stacked(each.head.with_typical(typical), each.reader.with_typical(typical), stacked.estimator)


def _rows(each: Stacked | Regressor | Classifier, z: Tensor, texts: list[str]) -> list[Prediction]:
    if not isinstance(each, Stacked):
        head = each.predict(z.numpy()).tolist()
        return _of(each, z.numpy(), head, [None] * len(head))
    opinions = each.opinions(z, texts)
    return _of(each.estimator, opinions, each.head.predict(z.numpy()).tolist(), each.reader.predict(texts).tolist())


def _of(shown: Any, x: NDArray[np.float64], head: list[Any], reader: list[Any]) -> list[Prediction]:
    """Predictions by the estimator that is shown, of its vectors x (n, d)."""
    values = shown.predict(x).tolist()
    if isinstance(shown, Classifier):
        names = [str(label) for label in shown.classes_]
        p = shown.predict_proba(x)
        places = np.stack([shown.for_class(label).percentile(x) for label in shown.classes_], axis=1)
        likeliest = p.argmax(1)
        shares = places[np.arange(len(p)), likeliest].tolist()
        chances: list[Any] = [dict(zip(names, row, strict=True)) for row in p.tolist()]
        ends: list[Any] = [(None, None)] * len(p)
        values = [names[i] for i in likeliest]
    else:
        shares = shown.percentile(x).tolist()
        chances = [None] * len(values)
        ends = shown.interval(x).tolist() if shown.has_interval else [(None, None)] * len(values)
    return [
        Prediction(value, low, high, share, chance, of_head, of_reader)
        for value, (low, high), share, chance, of_head, of_reader in zip(
            values, ends, shares, chances, head, reader, strict=True
        )
    ]

"""A property that was fitted: head, reader, both stacked, and how they did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from torch import Tensor

from latentopt.heads.opinion import ByLatent, Opinion
from latentopt.heads.reader import Reader
from latentopt.heads.stacked import Stacked
from latentopt.heads.storage import STEMS, files_of, read_head, save_head
from latentopt.tables import atomic_update
from property_models import Head, PropertyModel

if TYPE_CHECKING:
    from latentopt.space import LatentSpace

Typical = float | Mapping[str, float]  # what texts of a group typically get: of each property, or of some by name


def typical_of(typical: Typical | None, name: str) -> float | None:
    """The typical value that is given for a property; None where none is."""
    return typical.get(name) if isinstance(typical, Mapping) else typical


@dataclass(frozen=True)
class Fitted:
    """A head, its reader, both stacked, and how they did on rows that they have not seen.

    `reader` and `stacked` are None for a head that lies alone.
    """

    head: PropertyModel
    reader: Reader | None
    stacked: Stacked | None
    report: dict[str, Any]

    @property
    def shown(self) -> Opinion[Tensor, Sequence[str]]:
        """The opinion that is shown, of latents and texts: both stacked, or the head's where there is no reader."""
        return ByLatent(self.head) if self.stacked is None else self.stacked

    @property
    def says_nothing(self) -> bool:
        """Whether what is shown is the same for all texts: of few rows, head and reader may tell no others apart."""
        whole = cast("PropertyModel", self.shown.estimator)  # and no one class of it
        return not np.ptp(whole.quantiles_, axis=1).any()

    def readers(self) -> dict[str, Reader]:
        """The reader of each property, by its name as wishes have it; none where the head lies alone."""
        if self.reader is None:
            return {}
        names = [wished.name or "property" for wished in self.head.properties]
        return dict(zip(names, self.reader.properties, strict=True))

    def opinions(self) -> dict[str, Opinion[Tensor, Sequence[str]]]:
        """What is shown of each property, by its name as wishes have it (see `shown`)."""
        names = [wished.name or "property" for wished in self.head.properties]
        return dict(zip(names, self.shown.properties, strict=True))

    def save_pretrained(self, directory: str | Path, *, name: str, space: LatentSpace) -> None:
        """Write all three, and the report as the head's metrics; nothing of an earlier fit stays."""
        with atomic_update(directory, void=files_of(*STEMS)) as temporary:  # they belong together: all three or none
            save_head(self.head, temporary, name=name, space=space.fingerprint, metrics=self.report)
            for opinion in (self.reader, self.stacked):
                if opinion is not None:
                    opinion.save_pretrained(temporary, name=name)

    @classmethod
    def from_pretrained(cls, directory: str | Path, *, space: LatentSpace) -> Self:
        """Read what `save_pretrained` wrote.

        Raises:
            LatentoptError: if there is no head, if files are damaged, or if it was fitted on another space.
        """
        directory = Path(directory)
        head = read_head(directory, space=space.fingerprint)
        report = dict(head.metrics or {})
        if not (directory / "reader.json").exists():
            return cls(head, None, None, report)
        reader = Reader.from_pretrained(directory)
        both = (directory / "stacked.json").exists()
        return cls(head, reader, Stacked.from_pretrained(directory, head, reader) if both else None, report)

    def with_typical(self, value: float) -> Self:
        """A copy that predicts for a group with this typical value.

        Raises:
            HeadError: if there are no groups, or the value is none that a row could have.
        """
        return self._each(lambda head: head.with_typical(value))

    def with_group(self, name: str) -> Self:
        """A copy that predicts for a group that was fitted with; raises HeadError if it was not."""
        return self._each(lambda head: head.with_group(name))

    def for_unseen_group(self) -> Self:
        """A copy that predicts for a group of which nothing is known; raises HeadError if there are no groups."""
        return self._each(lambda head: head.for_unseen_group())

    def _each(self, change: Callable[[Head], Head]) -> Self:
        head: Any = change(self.head)
        if self.reader is None:
            return replace(self, head=head)
        reader = Reader(change(self.reader.estimator), bits=self.reader.bits)
        both = None if self.stacked is None else Stacked(head, reader, change(self.stacked.estimator))
        return replace(self, head=head, reader=reader, stacked=both)

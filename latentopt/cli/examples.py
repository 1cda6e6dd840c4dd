"""The file of examples that `latentopt direction` is given: pairs, texts with labels, or a corpus."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from latentopt.cli import options

if TYPE_CHECKING:
    import pandas

    from latentopt.directions import Mining
    from latentopt.tables import Table

UNREAD = "that could not be read"


@dataclass(frozen=True)
class Given:
    """The file of examples: which option named it, and which columns it is asked for."""

    kind: str
    path: Path
    source_column: str
    target_column: str
    column: str
    label: str | None
    target: str | None
    limit: int | None
    seed: int
    left_out: Counter[str] = field(default_factory=Counter, init=False)  # rows that are no examples, by why, once read

    @property
    def stem(self) -> str:
        """The name that is taken where none is given."""
        return "direction" if str(self.path) == "-" else self.path.stem

    def pairs(self) -> tuple[list[str], list[str]]:
        """Sources and targets of pairs."""
        table = self._read(self.source_column, self.target_column).only_texts(self.source_column)
        table = table.only_texts(self.target_column)
        pairs = table.frame[[self.source_column, self.target_column]].itertuples(index=False)
        faults = [f"is the same as {self.source_column}" if a == b else None for a, b in pairs]
        frame = self._drawn(table.checked(self.target_column, faults), same=sum(fault is not None for fault in faults))
        return frame[self.source_column].tolist(), frame[self.target_column].tolist()

    def labelled(self) -> tuple[list[str], list[str]]:
        """Texts without the attribute, and those with it."""
        assert self.label is not None
        frame = self._drawn(self._read(self.column, self.label).only_texts(self.column))
        texts, labels = frame[self.column].tolist(), [str(label) for label in frame[self.label].tolist()]
        kinds = sorted(set(labels))
        if self.target is not None and self.target not in kinds:
            raise click.UsageError(f"--target {self.target}: the labels are {_few(kinds)}")
        if len(kinds) != 2 and (self.target is None or len(kinds) < 2):
            raise click.UsageError(
                f"--label {self.label}: two kinds of texts are told apart, and the labels are {_few(kinds)}; "
                "name one, --target LABEL: it is told from all others"
            )
        wanted = kinds[1] if self.target is None else self.target
        sides: tuple[list[str], list[str]] = [], []
        for text, label in zip(texts, labels, strict=True):
            sides[label == wanted].append(text)
        return sides

    def corpus(self) -> list[str]:
        """Texts without labels."""
        texts: list[str] = self._drawn(self._read(self.column).only_texts(self.column))[self.column].tolist()
        return texts

    def _read(self, *columns: str) -> Table:
        from latentopt.tables import read_table

        return read_table(self.path, columns=list(columns), reading=options.chosen_reading())

    def counted(self, found: Mining) -> Mining:
        """What was mined, with the rows among those given that were left out before."""
        usable = replace(
            found.usable,
            given=found.usable.given + self.left_out.total(),
            left_out=dict(self.left_out + Counter(found.usable.left_out)),
        )
        statistics = {**found.direction.statistics, "usable": usable.to_json()}
        return replace(found, usable=usable, direction=replace(found.direction, statistics=statistics))

    def _drawn(self, table: Table, *, same: int = 0) -> pandas.DataFrame:
        from latentopt.directions.pairs import SAME

        frame = options.usable(table).frame
        self.left_out.update({UNREAD: len(table.errors) - same, SAME: same})
        if self.limit is None or self.limit >= len(frame):
            return frame
        return frame.sample(self.limit, random_state=self.seed).sort_index()


def _few(kinds: list[str]) -> str:
    return ", ".join(kinds[:5]) + (", ..." if len(kinds) > 5 else "")

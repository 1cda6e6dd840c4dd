"""Work: what is done to rows. Each kind takes rows with a text or a latent, and gives records with results."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentopt.batch.journal import Record
from latentopt.errors import LatentoptError
from latentopt.tables import Row, faults_of, is_number, pick

if TYPE_CHECKING:
    from torch import Tensor

    from latentopt.editing import Edit, TextEditor
    from latentopt.heads.predict import Group, Predictions
    from latentopt.space import LatentSpace

OWN = ("row", "file", "error")  # columns of every output
LATENT = "z"  # the column of latents


class Work(ABC):
    """Something that is done to rows, each on its own.

    column: the one that is worked on; a.b is b in the object a. called: its name in the output; None: it is left out.
    results: names of the columns that are made; a column of the input that has one of these names, or one of OWN, is
    carried along with `_input` behind it. left: columns of the input that are not carried along.
    """

    column: str = "text"
    called: str | None = "text"
    results: Sequence[str] = ()
    left: Sequence[str] = ()

    @abstractmethod
    def compute(self, rows: Sequence[Row]) -> list[list[Record]]:
        """The records of each of n sound rows: one, or several.

        Raises:
            LatentoptError: for a row that nothing can be done about; it is then tried alone.
        """

    def values(self, rows: Sequence[Row]) -> list[Any]:
        """What is worked on of n rows."""
        return [pick(row.values, self.column) for row in rows]

    def fault(self, value: Any) -> str | None:
        """Why a value of `column`, which is there and not blank, cannot be worked on, such as "is 3, not a text"."""
        return None if isinstance(value, str) else f"is {value!r}, not a text"

    def records(self, rows: Sequence[Row], *, file: bool = False) -> list[Record]:
        """Records of n rows, in order, with the other columns of the rows, and errors beside their rows.

        Args:
            rows: the rows. file: whether records say of which file a row is.
        """
        faults = [self._fault(row) for row in rows]
        sound = [row for row, why in zip(rows, faults, strict=True) if why is None]
        found = iter(self._tried(sound))
        records = []
        for row, why in zip(rows, faults, strict=True):
            results = why if why is not None else next(found)
            error = results if isinstance(results, str) else None
            for result in [{}] if isinstance(results, str) else results:
                records.append(self._record(row, result, error, file=file))
        return records

    def _fault(self, row: Row) -> str | None:
        if (why := faults_of(row, [self.column])) is not None:
            return why
        why = self.fault(pick(row.values, self.column))
        return None if why is None else f"{self.column} {why}"

    def _tried(self, rows: Sequence[Row]) -> list[list[Record] | str]:
        """Results of each row, or why there are none."""
        if not rows:
            return []
        try:
            return [*self.compute(rows)]
        except LatentoptError as error:
            return [str(error)] if len(rows) == 1 else [self._tried([row])[0] for row in rows]

    def _record(self, row: Row, result: Record, error: str | None, *, file: bool) -> Record:
        named = {} if self.called is None else {self.called: pick(row.values, self.column)}
        taken = {*OWN, *named, *self.results}
        carried = {
            f"{name}_input" if name in taken else name: value
            for name, value in row.values.items()
            if name != self.column and name not in self.left
        }
        where = {"row": row.number} | ({"file": row.file} if file else {})
        return {**where, **named, **carried, **dict.fromkeys(self.results), **result, "error": error}


class Encode(Work):
    """Texts to latents, "z"."""

    results = (LATENT,)

    def __init__(self, space: LatentSpace, *, column: str = "text", batch_size: int = 64) -> None:
        self.space, self.column, self.batch_size = space, column, batch_size

    def compute(self, rows: Sequence[Row]) -> list[list[Record]]:
        z = self.space.encode(self.values(rows), batch_size=self.batch_size)
        return [[{LATENT: latent}] for latent in z.numpy()]


class Decode(Work):
    """Latents to texts."""

    called = None
    results = ("text",)

    def __init__(
        self,
        space: LatentSpace,
        *,
        column: str = LATENT,
        batch_size: int = 64,
        num_beams: int = 1,
        temperature: float | None = None,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.space, self.column, self.batch_size, self.num_beams = space, column, batch_size, num_beams
        self.temperature, self.top_p, self.seed = temperature, top_p, seed

    def compute(self, rows: Sequence[Row]) -> list[list[Record]]:
        import torch

        texts = self.space.decode(
            torch.tensor(self.values(rows), dtype=torch.float32),
            batch_size=self.batch_size,
            num_beams=self.num_beams,
            temperature=self.temperature,
            top_p=self.top_p,
            seed=_own_seed(self.seed, rows[0]),
        )
        return [[{"text": text}] for text in texts]

    def fault(self, value: Any) -> str | None:
        return latent_fault(value, self.space.latent_dim)


class Predict(Work):
    """What is predicted of texts, by properties of the model or directories of heads."""

    def __init__(
        self,
        space: LatentSpace,
        properties: Sequence[str | Path],
        *,
        column: str = "text",
        group: Group | None = None,
        batch_size: int = 64,
    ) -> None:
        self.space, self.properties, self.column, self.group = space, properties, column, group
        self.batch_size = batch_size
        self.example = self.predictions(["a text"])
        (first,) = prediction_records(self.example)
        self.results = tuple(first)

    def predictions(self, texts: list[str], z: Tensor | None = None) -> list[Predictions]:
        """The predictions of each property for n texts; their pooled latents (n, m) where they are known."""
        from latentopt.heads.predict import MEDIAN, predict_texts

        group = self.group or MEDIAN
        return predict_texts(self.space, texts, self.properties, group=group, batch_size=self.batch_size, z=z)

    def compute(self, rows: Sequence[Row]) -> list[list[Record]]:
        found = self.predictions(self.values(rows))
        return [[record] for record in prediction_records(found)]


class PredictKept(Predict):
    """The same of rows that have their latents, as `Encode` makes them: nothing is encoded."""

    left = (LATENT, "error")

    def compute(self, rows: Sequence[Row]) -> list[list[Record]]:
        import torch

        latents = [pick(row.values, LATENT) for row in rows]
        for latent in latents:
            if (why := latent_fault(latent, self.space.latent_dim)) is not None:
                raise LatentoptError(f"{LATENT} {why}")
        z = self.space.pooled(torch.tensor(latents, dtype=torch.float32))
        return [[record] for record in prediction_records(self.predictions(self.values(rows), z))]


class Edits(Work):
    """Edits of texts: a record for each candidate, or for the best one; the text itself where there is none.

    Args:
        edit: edits n texts, given with the rows that they stand in; each edit comes with what else its records have.
        column: of the texts.
        best: a record a text, not one a candidate.
        properties: names of the properties that are wished for.
    """

    called = "source"

    def __init__(
        self,
        edit: Callable[[list[str], Sequence[Row]], list[tuple[Edit, Record]]],
        *,
        column: str = "text",
        best: bool = False,
        properties: Sequence[str] = (),
    ) -> None:
        self.edit, self.column, self.best = edit, column, best
        self.results = (*EDIT, *(f"{name}{end}" for name in properties for end in ("", *ENDS)), *MEASURES)

    @classmethod
    def by(cls, editor: TextEditor, *, column: str = "text", best: bool = False) -> Edits:
        """Those of an editor, whose goal is the same for all texts."""
        from latentopt.editing import columns

        def edit(texts: list[str], rows: Sequence[Row]) -> list[tuple[Edit, Record]]:
            return [(found, {}) for found in editor.edit(texts)]

        return cls(edit, column=column, best=best, properties=list(columns(editor.goal)))

    def compute(self, rows: Sequence[Row]) -> list[list[Record]]:
        edits = self.edit(self.values(rows), rows)
        return [[record | more for record in edit_records(edit, best=self.best)] for edit, more in edits]


EDIT = ("text", "candidate", "status", "already", "reason")
ENDS = ("_low", "_high", "_before", "_promised", "_reader")
MEASURES = ("meaning", "fluency", "changed", "similarity", "typicality", "acceptability", "agrees")


def edit_records(edit: Edit, *, best: bool) -> list[Record]:
    """Flat records of an edit: one a candidate, the best first; one with the source's text where there is none."""
    same = {"status": edit.status, "already": edit.already, "reason": edit.reason}
    before = {f"{name}_before": estimate.value for name, estimate in edit.predicted.items()}
    if not edit.candidates:
        return [{"text": edit.source, "candidate": None, **same, **before}]
    records = []
    for place, candidate in enumerate(edit.candidates[:1] if best else edit.candidates, start=1):
        record: Record = {"text": candidate.text, "candidate": place, **same, **before}
        for name, estimate in candidate.realised.items():
            record |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        record |= {f"{name}_promised": value for name, value in candidate.promised.items()}
        record |= {f"{name}_reader": value for name, value in candidate.read.items()}
        record |= {name: getattr(candidate, name) for name in MEASURES}
        records.append(record)
    return records


def prediction_records(found: Sequence[Predictions]) -> list[Record]:
    """Flat records of predictions, one a text: value, interval, percentile, and the probability of each class."""
    records: list[Record] = [{} for _ in found[0].rows]
    for each in found:
        for record, prediction in zip(records, each.rows, strict=True):
            record[each.name] = prediction.value
            if prediction.low is not None:
                record |= {f"{each.name}_low": prediction.low, f"{each.name}_high": prediction.high}
            record[f"{each.name}_percentile"] = prediction.percentile
            record |= {f"{each.name}={label}": chance for label, chance in (prediction.probabilities or {}).items()}
            record["untypical"] = prediction.untypical
    return records


def _own_seed(seed: int, row: Row) -> int:
    """The seed of what begins with a row: other rows draw otherwise, and the same one as before."""
    digest = hashlib.sha256(f"{seed} {row.file} {row.number}".encode()).digest()
    return int.from_bytes(digest[:6], "little")


def latent_fault(value: Any, latent_dim: int) -> str | None:
    """Why a value is no latent (d,) of finite numbers; None if it is one."""
    if not isinstance(value, list):
        return "is not a list of numbers"
    if len(value) != latent_dim:
        return f"has {len(value)} numbers, and a latent of this model has {latent_dim}"
    return None if all(map(is_number, value)) else "holds a value that is not a finite number"

"""Measure texts that a source could become: everything that is known of them, cheap things first."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from latentopt.editing.acceptability import Acceptability
from latentopt.editing.constraints import Breach, Constraint, breaches
from latentopt.editing.edit import WORD, Change, Estimate, changes_between, count_words, words_changed
from latentopt.editing.fluency import LanguageModel, strain, without_marks
from latentopt.editing.objectives import Objective, columns, scored_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from latentopt.space import LatentSpace
    from latentopt.space.surprise import Surprise


LEVEL = 0.9  # of intervals


class SecondOpinion(Protocol):
    """What sees a text and never a latent: a property's reader (a `latentopt.heads.Opinion`), or a direction's."""

    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """Values (n,) of n texts, in the property's unit."""

    def predict_score(self, texts: Sequence[str]) -> NDArray[Any]:
        """Scores (n,) of n texts, on the scale of the wish's."""


class ShownOpinion(Protocol):
    """What is shown of a property of finished texts: head and reader stacked (a `latentopt.heads.Opinion` of both)."""

    @property
    def has_interval(self) -> bool:
        """Whether there is an `interval`."""

    def predict(self, z: Tensor, texts: Sequence[str], /) -> NDArray[Any]:
        """Values (n,) of n texts with pooled latents (n, m), in the property's unit."""

    def predict_score(self, z: Tensor, texts: Sequence[str], /) -> NDArray[Any]:
        """Scores (n,) of the same, on the scale of the wish's."""

    def interval(self, z: Tensor, texts: Sequence[str], /, *, level: float) -> NDArray[Any]:
        """Values (n, 2) between which a share `level` of the real ones lies."""


@dataclass(frozen=True)
class Attempt:
    """A text that was written, and what is known of it.

    z: its pooled latent, (m,). promised: the latent that it was led by, (m,); of two texts together, that of the better
    one. changes, changed: what differs from the source, and that as a share of its words. loss: of the goal, by what
    the head says of the text. read_loss: the same by what readers say; that of the head where there is none. reached:
    whether every wish that has an end is fulfilled. meaning: cosine to the source. fluency: nats per token by which it
    is likelier than the source, None where nobody asked. cost: nats by which the whole text is unlikelier. strain: nats
    by which its worst change stands out (see `fluency.strain`). Both None likewise. acceptability: the rating
    that it can expect (see `acceptability`), None likewise, and where the model has learned from none. broken:
    constraints that it breaks.
    """

    text: str
    z: Tensor
    promised: Tensor
    changes: list[Change]
    changed: float
    loss: float
    read_loss: float
    reached: bool
    meaning: float
    broken: list[Breach]
    fluency: float | None = None
    cost: float | None = None
    strain: float | None = None
    acceptability: float | None = None

    @property
    def cautious(self) -> float:
        """The loss by head or reader, whichever sees less of a gain."""
        return max(self.loss, self.read_loss)

    @property
    def only_adds(self) -> bool:
        """Whether it has all words of the source, and more."""
        was, now = (
            Counter(word.lower() for part in sides for word in WORD.findall(part) if word[-1].isalnum())
            for sides in ([change.was for change in self.changes], [change.now for change in self.changes])
        )
        return was < now


def started(
    goal: Objective, space: LatentSpace, source: str, z: Tensor, opinions: Mapping[str, ShownOpinion]
) -> Objective:
    """The goal of one source with the pooled latent z (1, m), from what is shown of it on.

    A head sees the latent alone; where head and reader together say more of the source, as much more is promised, and
    a wish for a value is as much nearer.
    """
    goal = goal.starting_at(z, space.density)
    more = {}
    for wish in scored_columns(goal).values():
        if wish.name in opinions:
            with torch.no_grad():
                more[wish.name] = float(opinions[wish.name].predict_score(z, [source])[0]) - wish.scores(z).item()
    return goal.shifted(more)


class Measure:
    """What is known of texts that one source could become.

    Args:
        space: the latent space. goal: of this source, started at its latent (see `started`).
        source: the text. z: its pooled latent, shape (1, m).
        constraints: what texts must keep or not have. readers: by property; those of no wish are not asked.
        opinions: by property, what is shown of texts and fulfils a wish; else what the wish says.
        language_model: judges fluency; the space does, where none is given.
        acceptability: tells whether an edit could be posted; nothing does, where none is given.
    """

    def __init__(
        self,
        space: LatentSpace,
        goal: Objective,
        source: str,
        z: Tensor,
        *,
        constraints: Sequence[Constraint],
        readers: Mapping[str, SecondOpinion],
        opinions: Mapping[str, ShownOpinion] | None = None,
        language_model: LanguageModel | None = None,
        acceptability: Acceptability | None = None,
    ) -> None:
        self.space = space
        self.goal = goal
        self.source = source
        self.z = z
        self.constraints = constraints
        self.wishes = columns(goal)
        weights = {term: weight for weight, term in goal.terms}
        self._weights = {column: weights[wish] for column, wish in self.wishes.items()}
        self._scored = scored_columns(goal)
        self.readers = {c: readers[wish.name] for c, wish in self._scored.items() if wish.name in readers}
        known = opinions or {}
        self.opinions = {column: known[wish.name] for column, wish in self._scored.items() if wish.name in known}
        self.language_model: LanguageModel = space if language_model is None else language_model
        self.acceptability = acceptability
        self._goals = [wish.name for wish in self.wishes.values()]
        self._words = max(1, count_words(source))
        self._embedding = space.embed(z)
        self._bare = without_marks(source)
        self.already = bool(self._reached([source], z).item())
        self.loss = self._losses([source], z).item()

    @property
    def is_rated(self) -> bool:
        """Whether edits for what is wished for were rated; else acceptability is a guess, which orders and no more."""
        return self.acceptability is not None and self.acceptability.knows(self._goals)

    @property
    def has_end(self) -> bool:
        """Whether every wish has one, so that a loss of 0 is all that can be wished for; what shall not be has none."""
        value = torch.zeros(1)
        return all(
            self._weights[column] > 0 and wish.fulfilled(value) is not None for column, wish in self.wishes.items()
        )

    def __call__(self, texts: Sequence[str], promised: Tensor) -> list[Attempt]:
        """Everything but fluency and acceptability of n texts, led by pooled latents (n, m)."""
        if not texts:
            return []
        z = self.space.pooled(self.space.encode(texts))
        loss, reached = self._losses(texts, z), self._reached(texts, z).tolist()
        read_loss = self._losses(texts, z, self._read_losses(texts)).tolist() if self.readers else loss.tolist()
        meaning = (self.space.embed(z) * self._embedding).sum(1).tolist()
        attempts = []
        for i, text in enumerate(texts):
            changes = changes_between(self.source, text)
            attempts.append(
                Attempt(
                    text,
                    z[i],
                    promised[i],
                    changes,
                    words_changed(changes) / self._words,
                    loss[i].item(),
                    read_loss[i],
                    reached[i],
                    meaning[i],
                    breaches(self.constraints, self.source, text),
                )
            )
        return attempts

    def with_fluency(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """The same attempts, asked for their fluency and acceptability: what costs most is asked last."""
        if not attempts:
            return []
        texts = [without_marks(attempt.text) for attempt in attempts]
        ratings: list[float | None] = [None] * len(attempts)
        read: list[Surprise] = []
        if self.acceptability is not None:
            read = self.space.surprise([self._bare, *texts], with_states=True)
            edits = [attempt.text for attempt in attempts]
            rated = self.acceptability.predict(self.space, self.source, edits, read[1:], goals=self._goals)
            ratings = [None if math.isnan(rating) else rating for rating in rated.tolist()]
        if not read or self.language_model is not self.space:
            read = self.language_model.surprise([self._bare, *texts])
        own, *found = read
        return [
            replace(
                attempt,
                fluency=own.mean - there.mean,
                cost=there.total - own.total,
                strain=strain(self._bare, own, text, there),
                acceptability=rating,
            )
            for attempt, text, there, rating in zip(attempts, texts, found, ratings, strict=True)
        ]

    def merits(self, attempts: Sequence[Attempt]) -> Tensor:
        """What each wish adds (minus its loss, weighed), fluency and meaning, (n, wishes + 2), larger is better."""
        if not attempts:
            return torch.empty(0, len(self.wishes) + 2)
        z, texts = torch.stack([attempt.z for attempt in attempts]), [attempt.text for attempt in attempts]
        with torch.no_grad():
            fulfilled = [-self._weights[column] * self._loss_of(column, texts, z).float() for column in self.wishes]
        kept = [torch.tensor([attempt.fluency or 0.0 for attempt in attempts])]
        kept += [torch.tensor([attempt.meaning for attempt in attempts])]
        return torch.stack([*fulfilled, *kept], 1)

    def shown_losses(self, attempts: Sequence[Attempt]) -> list[float]:
        """Losses (n,) of the goal by what is shown of attempts; that of the source is `loss`, in a started goal."""
        if not attempts:
            return []
        z, texts = torch.stack([attempt.z for attempt in attempts]), [attempt.text for attempt in attempts]
        shown: dict[Objective, Tensor] = {}
        with torch.no_grad():
            for column in self.opinions:
                shown[self.wishes[column]] = self._loss_of(column, texts, z)
        return self._losses(texts, z, shown).tolist()

    def _loss_of(self, column: str, texts: Sequence[str], z: Tensor) -> Tensor:
        """The losses (n,) of a wish by what is shown of n texts."""
        rows = torch.zeros(len(z), dtype=torch.long)
        if column not in self.opinions:
            return self.wishes[column].take(rows).of_texts(texts, z)
        return self._scored[column].take(rows).loss_of(torch.as_tensor(self.opinions[column].predict_score(z, texts)))

    def promised(self, z: Tensor) -> list[dict[str, float]]:
        """What pooled latents (n, m) promise, by column."""
        said = {column: wish.values(z).tolist() for column, wish in self.wishes.items()}
        return [{column: values[i] for column, values in said.items()} for i in range(len(z))]

    def predicted(self, texts: Sequence[str], z: Tensor) -> list[dict[str, Estimate]]:
        """What is predicted of n texts with pooled latents (n, m), by column."""
        found: list[dict[str, Estimate]] = [{} for _ in range(len(z))]
        for column in self.wishes:
            interval = self._interval(column, texts, z)
            for i, value in enumerate(self._values(column, texts, z).tolist()):
                bounds = (None, None) if interval is None else interval[i].tolist()
                found[i][column] = Estimate(value, *bounds)
        return found

    def read(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """What readers say of texts, by column, in the property's unit."""
        said = {column: reader.predict(texts).tolist() for column, reader in self.readers.items()}
        return [{column: float(values[i]) for column, values in said.items()} for i in range(len(texts))]

    def _losses(self, texts: Sequence[str], z: Tensor, known: Mapping[Objective, Tensor] | None = None) -> Tensor:
        """Losses (n,) of the goal for texts with pooled latents (n, m); those of some terms may be known."""
        total = torch.zeros(len(z))
        rows = torch.zeros(len(z), dtype=torch.long)
        known = known or {}
        with torch.no_grad():
            for weight, term in self.goal.terms:
                loss = known[term] if term in known else term.take(rows).of_texts(texts, z)
                total += weight * loss.float()
        return total

    def _values(self, column: str, texts: Sequence[str], z: Tensor) -> Tensor:
        """The values (n,) that are shown of n texts with pooled latents (n, m)."""
        if column not in self.opinions:
            return self.wishes[column].values_of(texts, z)
        return torch.as_tensor(self.opinions[column].predict(z, texts)).float()

    def _interval(self, column: str, texts: Sequence[str], z: Tensor) -> Tensor | None:
        """The intervals (n, 2) of these values; None where there are none."""
        opinion = self.opinions.get(column)
        if opinion is None:
            return self.wishes[column].interval(z)
        return torch.as_tensor(opinion.interval(z, texts, level=LEVEL)) if opinion.has_interval else None

    def _reached(self, texts: Sequence[str], z: Tensor) -> Tensor:
        rows = torch.zeros(len(z), dtype=torch.long)
        found = [
            wish.take(rows).fulfilled(self._values(column, texts, z))
            for column, wish in self.wishes.items()
            if self._weights[column] > 0  # what shall not be is never reached
        ]
        ended = [reached for reached in found if reached is not None]
        return torch.stack(ended).all(0) if ended else torch.zeros(len(z), dtype=torch.bool)

    def _read_losses(self, texts: Sequence[str]) -> dict[Objective, Tensor]:
        """Losses (n,) of wishes if texts had gained on the source what their readers say."""
        found: dict[Objective, Tensor] = {}
        rows = torch.zeros(len(texts), dtype=torch.long)
        for column, reader in self.readers.items():
            wish = self._scored[column]
            said = torch.as_tensor(reader.predict_score([self.source, *texts])).float()
            with torch.no_grad():
                own = wish.scores(self.z).float()
                found[wish] = wish.take(rows).loss_of(own + said[1:] - said[0])
        return found

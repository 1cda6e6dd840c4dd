"""TextEditor: search, write, measure, rank, in rounds, until nothing gets better."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from latentopt.editing.acceptability import Acceptability
from latentopt.editing.ball import Ball
from latentopt.editing.bias import shares, token_bias, token_scores
from latentopt.editing.constraints import Breach, Constraint, breaches, standard
from latentopt.editing.edit import Candidate, Edit, count_words, words_changed
from latentopt.editing.fluency import LanguageModel
from latentopt.editing.join import joined
from latentopt.editing.measure import Attempt, Measure, SecondOpinion, ShownOpinion, started
from latentopt.editing.objectives import Objective, columns
from latentopt.editing.occlusion import effects, occlude
from latentopt.editing.optimizers.gradient import PreconditionedGradient
from latentopt.editing.optimizers.optimizer import Optimizer
from latentopt.editing.rank import Best, Choice, Floors, ordered, shortest_way, spread, value
from latentopt.editing.search import STEPS, points_along, search
from latentopt.editing.write import Draft, Writer, usual_writer
from latentopt.errors import LatentoptError
from latentopt.model.tokenizer import token_texts
from latentopt.space.texts import checked_texts

if TYPE_CHECKING:
    from latentopt.space import LatentSpace

STRETCH = 8.0  # how far beyond a wish the way leads, in wishes: texts keep a fraction of what latents promise
REACH = 1.2  # of the latents' spread around their mean; farther from a text lie other texts
BLIND_STEPS = 10  # of a search whose every point is written and asked for as a text
FARTHEST = 0.65  # of a latent's length: beyond, fills babble on and come to no end (experiments/edits)
SHARES = (0.5, 1.0)  # of the way as far as there, from which texts are written
WORTH_A_ROUND = 0.05  # of `value`: what a round must bring for another to follow
JOINED = 10  # of the best texts, which are also tried together, two at a time
DONE = 2 / 3  # of the loss that the better of two has left: what the two together take away (experiments/edits)
LEAST_GAIN = 0.01  # of the loss, in squared standard deviations of the property: less is noise


@dataclass(frozen=True)
class Effort:
    """How much is tried for a text.

    rounds: at most, each beginning with what the one before has found. Every round moves on from the source, and a
    person minds: many texts of one round hold more that could be posted than a few of several rounds
    (experiments/edits). tries: rounds from the source, until something may be shown. rows: texts written in each
    round. beam: texts that a round begins with. scored: texts of a round whose fluency is asked, the best by all else;
    as many pairs of texts are tried together, at most.
    """

    rounds: int = 1
    tries: int = 3
    rows: int = 64
    beam: int = 2
    scored: int = 40

    def scaled(self, multiple: float) -> Effort:
        """As many times the texts that are tried, one at least."""
        rows, scored = (max(1, round(multiple * count)) for count in (self.rows, self.scored))
        return replace(self, rows=rows, scored=scored)


class TextEditor(BaseEstimator):
    """Edits texts until a goal is low, after scikit-learn's manner.

    Few spans at a time are written anew where the goal hangs on them, and only what the new text itself earns, when it
    is encoded and measured again, is accepted (LaMBO-2, Gruver et al. 2023, does so with proteins). Each text is worked
    on alone: its edits depend on nothing but itself, the goal and the seed.

    Example:
        >>> editor = TextEditor(space, Target(likes, 1000) + Near())
        >>> editor.transform(["thank you to everyone who came out tonight"])

    Args:
        space: the latent space; it needs a density.
        goal: wishes and other terms, on pooled latents; a wish's value is one for all texts, or one for each.
        writer: None takes Infill(), with a bias where a class or another share is wished for (see `usual_writer`).
        optimizer: moves latents; None takes PreconditionedGradient.
        constraints: None takes `latentopt.editing.constraints.standard()`.
        floors: what a text must have to be shown.
        readers: second opinions by the names of their properties. opinions: likewise, what is shown of texts, such as
            head and reader stacked (`Fitted.opinions`); None shows what the goal's heads say.
        language_model: judges fluency; None takes the space.
        acceptability: tells whether an edit could be posted; None takes what came with the model, if anything did.
        effort: how much is tried. shown: which candidates are, Best(3) or Front(). seed: of all draws.
    """

    def __init__(
        self,
        space: LatentSpace,
        goal: Objective,
        *,
        writer: Writer | None = None,
        optimizer: Optimizer | None = None,
        constraints: Sequence[Constraint] | None = None,
        floors: Floors = Floors(),  # noqa: B008 (frozen)
        readers: Mapping[str, SecondOpinion] | None = None,
        opinions: Mapping[str, ShownOpinion] | None = None,
        language_model: LanguageModel | None = None,
        acceptability: Acceptability | None = None,
        effort: Effort = Effort(),
        shown: Choice = Best(),  # noqa: B008 (frozen)
        seed: int = 0,
    ) -> None:
        self.space = space
        self.goal = goal
        self.writer = writer
        self.optimizer = optimizer
        self.constraints = constraints
        self.floors = floors
        self.readers = readers
        self.opinions = opinions
        self.language_model = language_model
        self.acceptability = acceptability
        self.effort = effort
        self.shown = shown
        self.seed = seed
        self._walked: tuple[object, Tensor] | None = None  # what `_forbidden` found, and of what
        self._scored: dict[str, tuple[object, Tensor]] = {}  # what `_token_scores` found, and of what

    def fit(self, texts: object = None, y: object = None) -> TextEditor:
        """Do nothing, and return the editor: there is nothing to fit."""
        return self

    def transform(self, texts: Collection[str]) -> list[str]:
        """The best edit of each of n texts; the text itself where none is better."""
        return [edit.text for edit in self.edit(texts)]

    def edit(
        self,
        texts: Collection[str],
        *,
        progress: Callable[[int], None] | None = None,
        glance: Callable[[Edit], None] | None = None,
    ) -> list[Edit]:
        """Edits of n texts.

        Args:
            texts: n texts.
            progress: is told how many are done.
            glance: is shown the edit of the text that is worked on as it stands after each round.

        Raises:
            LatentoptError: if the goal has no wish, or names another number of texts, or a text is blank.
        """
        texts = self._checked(texts)
        edits = []
        forbidden, scores = self._forbidden(), self._token_scores()
        for i, text in enumerate(texts):
            with self.space.at_work():
                for edit in _Work(self, text, self.goal.take(torch.tensor([i])), forbidden, scores).rounds():
                    if glance is not None:
                        glance(edit)
            edits.append(edit)
            if progress is not None:
                progress(i + 1)
        return edits

    def rounds(self, text: str, *, glance: Effort | None = None) -> Iterator[Edit]:
        """The edit of one text as it stands after each round; the last is what `edit` gives. Raises as `edit` does.

        Args:
            text: what to edit.
            glance: of one more round before the others, of few rows, so that a person soon has something to read; the
                others do not know what it found. None: there is no such round.
        """
        (text,) = self._checked([text])
        goal = self.goal.take(torch.tensor([0]))
        yield from _Work(self, text, goal, self._forbidden(), self._token_scores()).rounds(glance)

    def explain(self, text: str) -> tuple[list[str], Tensor]:
        """The words of a text, and what each adds to the goal: by how much the loss rises without it, (n,)."""
        start = self.space.pooled(self.space.encode([text]))
        words = self.space.words([text])[0]
        goal = self.goal.take(torch.zeros(1, dtype=torch.long))
        goal = started(goal, self.space, text, start, self.opinions or {})
        return words.pieces, effects(self.space, goal, words)

    def _checked(self, texts: Collection[str]) -> list[str]:
        texts = checked_texts(texts)
        if not columns(self.goal):
            raise LatentoptError("a goal needs at least one wish for a property, such as Target(likes, 1000)")
        self.goal.check_texts(len(texts))
        return texts

    @property
    def _constraints(self) -> Sequence[Constraint]:
        return standard() if self.constraints is None else self.constraints

    def _forbidden(self) -> Tensor:
        """Tokens that some constraint forbids, (vocabulary,)."""
        of = self.space, None if self.constraints is None else tuple(self.constraints)  # parameters can be set later
        if self._walked is None or self._walked[0] != of:
            one_each = [[i] for i in range(self.space.model.config.vocab_size)]
            tokens = self.space.tokenizer.backend_tokenizer.decode_batch(one_each, skip_special_tokens=False)
            constraints = self._constraints
            self._walked = of, torch.tensor([any(c.forbids(token) for c in constraints) for token in tokens])
        return self._walked[1]

    def _token_scores(self) -> dict[str, Tensor]:
        """What readers make of tokens, (vocabulary,) each, by the names of shares that are wished for."""
        found = {}
        for name in {wish.name for wish in shares(self.goal)} & (self.readers or {}).keys():
            of = self.space, self.readers[name]  # type: ignore[index]
            if name not in self._scored or self._scored[name][0] != of:  # parameters can be set later
                tokens = token_texts(self.space.tokenizer, self.space.model.config.vocab_size)
                self._scored[name] = of, token_scores(of[1], tokens)
            found[name] = self._scored[name][1]
        return found

    def __sklearn_clone__(self) -> TextEditor:
        return type(self)(**self.get_params(deep=False))  # a copy of the model would be another space


class _Work:
    """One text that is being edited."""

    def __init__(
        self, editor: TextEditor, source: str, goal: Objective, forbidden: Tensor, scores: Mapping[str, Tensor]
    ) -> None:
        self.editor = editor
        self.forbidden = forbidden
        self.space = editor.space
        self.source = source
        digest = hashlib.sha256(f"{editor.seed}\n{source}".encode()).digest()
        self.seed = int.from_bytes(digest[:6], "little")  # the text's own: neighbours have no say
        self.z = self.space.encode([source])
        self.start = self.space.pooled(self.z)
        self.goal = started(goal, self.space, source, self.start, editor.opinions or {})
        self.measure = Measure(
            self.space,
            self.goal,
            source,
            self.start,
            constraints=editor._constraints,
            readers=editor.readers or {},
            opinions=editor.opinions,
            language_model=editor.language_model,
            acceptability=editor.acceptability or Acceptability.of_model(self.space),
        )
        self.floors = editor.floors if self.measure.is_rated else replace(editor.floors, acceptability=0.0)
        self.bias = token_bias(self.goal, self.start, scores)
        self.drafts: dict[str, Draft] = {}  # of texts that have been searched from
        self._forget()
        # A text that breaks a constraint as it stands, such as one that is too long, is bettered by any that does not.
        self.own = float("inf") if breaches(editor._constraints, source, source) else self.measure.loss

    def rounds(self, glance: Effort | None = None) -> Iterator[Edit]:
        """The edit after each round, until nothing gets better."""
        (tokens,) = self.space.lengths([self.source])
        if tokens > self.space.max_tokens:
            limit = self.space.max_tokens
            yield self._made([], f"the text has {tokens:,} tokens, and the model reads {limit}; edit a part of it")
            return
        if self.measure.already and self.own < float("inf"):
            yield self._made([], "the text fulfils the wish as it stands")
            return
        if glance is not None:
            yield self._round([], 0, glance)
            self._forget()
        beam: list[Attempt] = []
        effort = self.editor.effort
        for number in range(max(effort.rounds, effort.tries)):
            before = value(beam[0]) if beam else None
            yield self._round(beam, number, effort)
            beam = spread(self.good.values(), effort.beam)
            enough = number + 1 >= (effort.rounds if beam else effort.tries)
            if enough or (before is not None and value(beam[0]) > before - WORTH_A_ROUND):
                break

    def _forget(self) -> None:
        """Begin as if nothing had been written."""
        self.good: dict[str, Attempt] = {}
        self.refused: list[tuple[Attempt, list[Breach]]] = []
        self.seen = {self.source}

    def _round(self, beam: Sequence[Attempt], number: int, effort: Effort) -> Edit:
        """Write from every text of the beam, measure, and keep what may be shown: the edit as it then stands."""
        with self.space.at_work():
            self._write(beam, number, effort)
            self._join(effort.scored)
        good = list(self.good.values())
        return self._made(self.editor.shown(good, self.measure.merits(good)), shortest_way(self.refused))

    def _write(self, beam: Sequence[Attempt], number: int, effort: Effort) -> None:
        members = [(attempt.text, words_changed(attempt.changes)) for attempt in beam] or [(self.source, 0)]
        most = self.editor.floors.most_words(count_words(self.source))
        seed = self.seed + number
        drafts = [self._draft(text, most - changed, random.Random(seed)) for text, changed in members]
        written = (self.editor.writer or usual_writer(self.goal)).write(self.space, drafts, effort.rows, seed=seed)
        texts, promised = list(written.texts), list(written.z)
        for draft in drafts:  # what was left out to see what it adds is an edit, too
            shorter = [i for i, gain in enumerate(draft.occlusion.gains.tolist()) if gain > LEAST_GAIN]
            texts += [draft.occlusion.texts[i] for i in shorter]
            promised += [*draft.occlusion.z[shorter]]
        self._accept(self._measured(texts, promised), effort.scored)

    def _measured(self, texts: Sequence[str], promised: Sequence[Tensor]) -> list[Attempt]:
        """Measure those of texts, led by these latents, that have not been, and are not too long."""
        fits = [tokens <= self.space.max_tokens for tokens in self.space.lengths(texts)]
        new = {text: z for text, z, fit in zip(texts, promised, fits, strict=True) if fit and text not in self.seen}
        self.seen |= new.keys()
        return self.measure(list(new), torch.stack(list(new.values()))) if new else []

    def _join(self, most: int) -> None:
        """Try what the best texts are together: where two words weigh a text down, one fill seldom turns both.

        Whatever two edits risk adds up, so that the two together must do most of what the better one has left undone.
        A wish without an end leaves nothing of which that could be said.
        """
        if not self.measure.has_end:
            return
        best = ordered(self.good.values())[:JOINED]
        left: dict[str, float] = {}
        promised: dict[str, Tensor] = {}
        for first, second, text in joined(self.source, [attempt.text for attempt in best])[:most]:
            left[text] = min(best[first].cautious, best[second].cautious, left.get(text, float("inf")))
            promised[text] = best[first].promised
        tried = self._measured(list(left), list(promised.values()))
        done = [new for new in tried if new.cautious < (1 - DONE) * left[new.text]]
        self.seen -= {new.text for new in tried} - {new.text for new in done}  # a later round may still write them
        self._accept(done, most)

    def _draft(self, text: str, left: int, rng: random.Random) -> Draft:
        if text not in self.drafts:
            self.drafts[text] = self._searched(text, rng)
        return replace(self.drafts[text], left=max(1, left))

    def _searched(self, text: str, rng: random.Random) -> Draft:
        z = self.z if text == self.source else self.space.encode([text])
        pooled = self.space.pooled(z)
        words = self.space.words([text])[0]
        covariance = self.space.density.covariance
        optimizer = self.editor.optimizer or PreconditionedGradient(covariance)
        far = self.goal.beyond(pooled, STRETCH)
        # In standard deviations of texts: a Euclidean ball leads into directions in which no text varies.
        radius = REACH * self.space.pooled_dim**0.5
        steps = STEPS if far.differentiable else BLIND_STEPS
        way = search(far, pooled, optimizer, steps=steps, radius=radius, covariance=covariance, seed=self.seed)
        near = Ball(pooled, FARTHEST * pooled.norm(dim=1, keepdim=True), torch.eye(self.space.pooled_dim).to(pooled))
        path = near.project(way.path.transpose(0, 1)).transpose(0, 1)
        moved = points_along(path, torch.tensor(SHARES)[:, None])[:, 0]
        with torch.no_grad():
            loss = self.goal.of_texts([text], pooled).item()
        occlusion = occlude(self.space, self.goal, words, self.editor._constraints, loss, rng)
        return Draft(words, z, moved, occlusion, 1, self.forbidden, self.bias)

    def _accept(self, attempts: Sequence[Attempt], scored: int) -> None:
        floors = self.floors
        better = [attempt for attempt in attempts if attempt.cautious < self.own - LEAST_GAIN]
        possible = []
        for attempt in better:
            broken = floors.cheap(attempt, self.source)
            if broken:
                self.refused.append((attempt, broken))
            else:
                possible.append(attempt)
        fluent = []
        for attempt in self.measure.with_fluency(ordered(possible)[:scored]):
            if broken := floors.costly(attempt):
                self.refused.append((attempt, broken))
            else:
                fluent.append(attempt)
        # Head and reader each see a gain, but their weights together need not: a person sees the value of both.
        for attempt, loss in zip(fluent, self.measure.shown_losses(fluent), strict=True):
            if loss < self.own - LEAST_GAIN:
                self.good[attempt.text] = attempt
            else:
                said = "is no better than the text by the value that is shown, of head and reader together"
                self.refused.append((attempt, [Breach(said, "another seed")]))

    def _made(self, chosen: Sequence[Attempt], nothing: str) -> Edit:
        source_read, *read = self.measure.read([self.source, *(attempt.text for attempt in chosen)])
        z = torch.stack([self.start[0], *(attempt.z for attempt in chosen)])
        predicted, *realised = self.measure.predicted([self.source, *(attempt.text for attempt in chosen)], z)
        promised = self.measure.promised(torch.stack([attempt.promised for attempt in chosen])) if chosen else []
        typicality = self.space.density.typicality(z[1:]).tolist()
        candidates = [
            Candidate(
                text=attempt.text,
                changes=attempt.changes,
                changed=attempt.changed,
                realised=realised[i],
                promised=promised[i],
                read=read[i],
                agrees=attempt.read_loss < self.measure.loss or not self.measure.readers,
                meaning=attempt.meaning,
                similarity=similarity(attempt.text, self.source),
                fluency=attempt.fluency or 0.0,
                typicality=typicality[i],
                loss=attempt.cautious,
                acceptability=attempt.acceptability if self.measure.is_rated else None,
            )
            for i, attempt in enumerate(chosen)
        ]
        if not chosen:
            return Edit(self.source, predicted, source_read, [], "none_better", self.measure.already, nothing)
        if chosen[0].reached:
            status, reason = "reached", "the best candidate has what was wished for"
        else:
            status, reason = "improved", "the best candidate comes nearer, but not all the way"
        return Edit(self.source, predicted, source_read, candidates, status, self.measure.already, reason)  # type: ignore[arg-type]


def similarity(text: str, source: str) -> float:
    """Sentence chrF (Popović 2015) of a text to the source, 0 to 1."""
    from sacrebleu.metrics.chrf import CHRF

    return float(CHRF(eps_smoothing=True).sentence_score(text, [source]).score) / 100

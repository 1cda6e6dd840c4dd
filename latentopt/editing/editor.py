"""Edit texts until an objective is low: encode, move, decode, encode again, rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentopt.editing.edit import Edit
from latentopt.editing.objectives import Objective, WithValue, columns
from latentopt.editing.optimizers import Optimizer, PreconditionedGradient
from latentopt.editing.rank import make_edit
from latentopt.editing.search import points_along, search
from latentopt.errors import LatentoptError
from latentopt.space import LatentSpace

STRETCH = 6.0  # how far beyond a wish the way leads, in wishes: texts keep a fraction of what latents promise
INVERSION_STEPS = 100
START_NOISE = 0.3  # of the latents' standard deviation; texts survive it, and the ways differ


def optimize_texts(
    space: LatentSpace,
    texts: Sequence[str],
    goal: Objective,
    *,
    optimizer: Optimizer | None = None,
    starts: int = 4,
    distances: int = 12,
    refinements: int = 4,
    candidates: int = 5,
    inversion_steps: int = INVERSION_STEPS,
    chunk: int = 50,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> list[Edit]:
    """Edit texts until their properties are as wished.

    Each text's latent is moved from several starts, the ways are decoded at several distances, and what comes out is
    encoded and measured again: a latent can promise what its text does not keep. Where two neighbours on a way lie
    on both sides of a target, the way between them is decoded, too.

    Args:
        space: the latent space; it needs a density and n-grams.
        texts: n texts.
        goal: wishes (`Target(likes, 1000)`, ...) and other terms; a wish's value is one for all texts or one for each.
        optimizer: None takes PreconditionedGradient with the covariance of the space.
        starts: ways from each text. distances: points of each that are decoded.
        refinements: further points of each way where it crosses a target.
        candidates: most candidates to keep for each text.
        inversion_steps: where the encoder's latent does not decode to the text, the ways start at one that does, which
            `LatentSpace.invert` looks for in at most so many steps. 0 starts at the encoder's.
        chunk: texts that are worked on together; memory grows with it.
        seed: of the starts.
        progress: is told the number of texts that are done after each chunk.

    Raises:
        LatentoptError: if the goal has no wish, or a text is empty.
    """
    goal.check_texts(len(texts))
    if not columns(goal):
        raise LatentoptError("a goal needs at least one wish for a property, such as Target(likes, 1000)")
    editor = _Editor(
        space,
        optimizer or PreconditionedGradient(space.density.covariance),
        starts=starts,
        distances=distances,
        refinements=refinements,
        candidates=candidates,
        inversion_steps=inversion_steps,
        seed=seed,
    )
    # Decoding lasts as long as the longest text of a batch: texts of like length are worked on together.
    order = sorted(range(len(texts)), key=space.lengths(texts).__getitem__)
    edits: dict[int, Edit] = {}
    for first in range(0, len(texts), chunk):
        part = order[first : first + chunk]
        made = editor.edit([texts[i] for i in part], goal.take(torch.tensor(part)))
        edits.update(zip(part, made, strict=True))
        if progress is not None:
            progress(len(edits))
    return [edits[i] for i in range(len(texts))]


@dataclass(frozen=True)
class _Tried:
    """Decoded points: share (m,) of the way, row (m,) of the way, z (m, d), text, and re-encoded latents (m, d)."""

    share: Tensor
    row: Tensor
    z: Tensor
    text: list[str]
    realised: Tensor


class _Editor:
    """Edits of a few texts at a time: where their ways start, which points of them are tried, what is kept."""

    def __init__(
        self,
        space: LatentSpace,
        optimizer: Optimizer,
        *,
        starts: int,
        distances: int,
        refinements: int,
        candidates: int,
        inversion_steps: int,
        seed: int,
    ) -> None:
        self.space = space
        self.optimizer = optimizer
        self.starts = starts
        self.distances = distances
        self.refinements = refinements
        self.candidates = candidates
        self.inversion_steps = inversion_steps
        self.seed = seed

    def edit(self, texts: list[str], goal: Objective) -> list[Edit]:
        """Edits of a few texts, all of their ways in one batch."""
        inverted = self.space.invert(texts, steps=self.inversion_steps, seed=self.seed)
        z0 = inverted.encoded  # (n, d); what a text is predicted to earn is read here, as it is for candidates
        owner = torch.arange(len(texts)).repeat_interleave(self.starts)  # (rows,): whose way it is
        start = inverted.z[owner] + self._noise(len(texts))
        goal = goal.starting_at(inverted.encoded, self.space.density)
        objective = goal.take(owner)
        far = objective.beyond(start, STRETCH)
        # Farther than latents are from their mean lies nothing that a text was ever encoded to.
        radius = self.space.density.covariance.trace().sqrt().item()
        path = search(far, start, self.optimizer, radius=radius).path
        shares = torch.linspace(0, 1, self.distances)[:, None].expand(-1, len(owner))
        tried = self._try(path, shares.T.flatten(), torch.arange(len(owner)).repeat_interleave(self.distances))
        rounds = [tried]
        if self.refinements and (finer := self._crossings(tried, objective)) is not None:
            rounds.append(self._try(path, *finer))
        return [self._edit(i, texts[i], z0[i : i + 1], goal, rounds, owner) for i in range(len(texts))]

    def _noise(self, n: int) -> Tensor:
        """Where ways start beside their text: the first on it, the others around it; the same for every text."""
        generator = torch.Generator().manual_seed(self.seed)
        draw = torch.randn(self.starts, self.space.latent_dim, generator=generator)
        draw[0] = 0
        root = torch.linalg.cholesky(self.space.density.covariance)
        return (START_NOISE * draw @ root.T).repeat(n, 1)

    def _try(self, path: Tensor, share: Tensor, row: Tensor) -> _Tried:
        z = points_along(path[:, row], share[None])[0]
        decoded = self.space.decode(z)
        # An empty text is no edit, and one that must be cut to be measured would be measured wrongly.
        usable = [
            bool(t.strip()) and n <= self.space.max_tokens
            for t, n in zip(decoded, self.space.lengths(decoded), strict=True)
        ]
        kept = torch.tensor(usable)
        share, row, z = share[kept], row[kept], z[kept]
        text = [t for t, use in zip(decoded, usable, strict=True) if use]
        realised = self.space.encode(text) if text else torch.empty(0, self.space.latent_dim)
        return _Tried(share, row, z, text, realised)

    def _crossings(self, tried: _Tried, objective: Objective) -> tuple[Tensor, Tensor] | None:
        """Shares and rows of points between neighbours that lie on both sides of a target."""
        share, row = [], []
        for wish in columns(objective).values():
            if not isinstance(wish, WithValue) or not tried.text:
                continue
            here = wish.take(tried.row)
            side = here.values(tried.realised) > here.value
            neighbours = (tried.row[1:] == tried.row[:-1]) & (side[1:] != side[:-1])
            inner = torch.linspace(0, 1, self.refinements + 2)[1:-1]
            for i in neighbours.nonzero()[:, 0].tolist():
                share.append(tried.share[i] + inner * (tried.share[i + 1] - tried.share[i]))
                row.append(tried.row[i].repeat(self.refinements))
        return (torch.cat(share), torch.cat(row)) if share else None

    def _edit(self, i: int, source: str, z0: Tensor, goal: Objective, rounds: list[_Tried], owner: Tensor) -> Edit:
        seen: dict[str, tuple[Tensor, Tensor]] = {}  # text -> the nearest latent that it was decoded from, realised
        for tried in rounds:
            for j in (owner[tried.row] == i).nonzero()[:, 0].tolist():
                text, z = tried.text[j], tried.z[j : j + 1]
                if text != source and (text not in seen or (z - z0).norm() < (seen[text][0] - z0).norm()):
                    seen[text] = z, tried.realised[j : j + 1]
        empty = torch.empty(0, z0.shape[1])
        return make_edit(
            self.space,
            goal.take(torch.tensor([i])),
            source,
            z0,
            list(seen),
            torch.cat([empty, *(z for z, _ in seen.values())]),
            torch.cat([empty, *(realised for _, realised in seen.values())]),
            most=self.candidates,
        )

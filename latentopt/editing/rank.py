"""Measure the texts that a source could become, and rank them by what they really are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from latentopt.editing.edit import Candidate, Edit, Estimate, Status
from latentopt.editing.objectives import Objective, Wish, columns

if TYPE_CHECKING:
    from latentopt.space import LatentSpace

TYPICALITY_WEIGHT = 0.2
FLUENCY_WEIGHT = 0.5
EDIT_SIMILARITY = 0.2  # chrF: a text that keeps less is another text, and no edit


def estimates(wish: Wish, z: Tensor) -> list[Estimate]:
    """What is predicted of a wish's property at latents (n, d), with 90% intervals where there are some."""
    values, bounds = wish.values(z).tolist(), wish.interval(z)
    if bounds is None:
        return [Estimate(value) for value in values]
    return [Estimate(value, low, high) for value, (low, high) in zip(values, bounds.tolist(), strict=True)]


def similarity(texts: Sequence[str], source: str) -> list[float]:
    """Sentence chrF (Popovic 2015) of each text to the source, 0 to 1."""
    from sacrebleu.metrics.chrf import CHRF

    chrf = CHRF(eps_smoothing=True)
    return [chrf.sentence_score(text, [source]).score / 100 for text in texts]


def rank(
    loss: float, reached: bool, *, similarity: float, typicality: float, fluency: float
) -> tuple[bool, bool, float]:
    """Sort key of a candidate: edits before other texts, fulfilled wishes first, then loss against what was kept.

    A loss of 1 is a miss of one standard deviation of the property, and weighs as much as the whole of the text.
    """
    return (
        similarity < EDIT_SIMILARITY,
        not reached,
        loss - similarity - TYPICALITY_WEIGHT * typicality - FLUENCY_WEIGHT * fluency,
    )


def make_edit(
    space: LatentSpace,
    goal: Objective,
    source: str,
    z0: Tensor,
    texts: Sequence[str],
    z: Tensor,
    realised: Tensor,
    *,
    most: int,
) -> Edit:
    """Rank the texts that a source could become.

    Args:
        space: for typicality and fluency. goal: of this one source, which has one row.
        source: the text. z0: its latent, shape (1, d).
        texts: m different texts. z: the latents that they were decoded from, (m, d). realised: what they are encoded
            to, (m, d).
        most: candidates to keep. Those that are no better than the source are kept only if none is better.
    """
    named = columns(goal)
    predicted = {name: estimates(wish, z0)[0] for name, wish in named.items()}
    if not texts:
        return Edit(source, predicted, [], "none_better")
    here = goal.take(torch.zeros(len(texts), dtype=torch.long))
    with torch.no_grad():
        loss, own_loss = here(realised).tolist(), goal(z0).item()
    reached = _reached(here, realised).tolist()
    alike, typical = similarity(texts, source), space.density.typicality(realised).tolist()
    fluent = space.fluency(texts).tolist()
    keys = [
        rank(loss[k], reached[k], similarity=alike[k], typicality=typical[k], fluency=fluent[k])
        for k in range(len(texts))
    ]
    order = sorted(range(len(texts)), key=keys.__getitem__)
    better = [k for k in order if loss[k] < own_loss]
    kept = (better or order)[:most]
    status: Status = "none_better" if not better else "improved" if any(keys[kept[0]][:2]) else "reached"
    rows = torch.zeros(len(kept), dtype=torch.long)
    found_realised = {name: estimates(wish.take(rows), realised[kept]) for name, wish in named.items()}
    found_promised = {name: estimates(wish.take(rows), z[kept]) for name, wish in named.items()}
    distance = (z - z0).norm(dim=1).tolist()
    candidates = [
        Candidate(
            text=texts[k],
            realised={name: values[place] for name, values in found_realised.items()},
            promised={name: values[place].value for name, values in found_promised.items()},
            similarity=alike[k],
            typicality=typical[k],
            fluency=fluent[k],
            distance=distance[k],
        )
        for place, k in enumerate(kept)
    ]
    return Edit(source, predicted, candidates, status)


def _reached(goal: Objective, z: Tensor) -> Tensor:
    """Whether every wish that has an end is fulfilled, (n,); False where none has one."""
    found = [wish.reached(z) for wish in columns(goal).values()]
    ended = [reached for reached in found if reached is not None]
    return torch.stack(ended).all(0) if ended else torch.zeros(len(z), dtype=torch.bool)

"""What the readers of a goal make of single words, so that fills can lean towards those that it wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from latentopt.editing.objectives import Objective, ScoredWish, scored_columns

if TYPE_CHECKING:
    from latentopt.editing.measure import SecondOpinion

CLIP = 3.0  # standard deviations: one telling word shall not be all that is written
STEP = 0.1  # of a score, in its unit: what the goal makes of a little more of it


def token_scores(reader: SecondOpinion, tokens: Sequence[str]) -> Tensor:
    """How a reader rates n tokens, (n,): standard deviations from their median; 0 for what is not the start of a word.

    Args:
        reader: rates each as a text of its own. tokens: what each says, a space before it where it starts a word.
    """
    starts = torch.tensor([token[:1] == " " and token[1:].isalpha() for token in tokens])
    scores = torch.zeros(len(tokens))
    if starts.sum() > 1:
        rated = [token.strip() for token, is_start in zip(tokens, starts.tolist(), strict=True) if is_start]
        score = torch.as_tensor(reader.predict_score(rated)).float()
        spread = score.std().clamp(min=1e-6)
        scores[starts] = ((score - score.median()) / spread).clamp(-CLIP, CLIP)
    return scores


def shares(goal: Objective) -> list[ScoredWish]:
    """The wishes of a goal for a class or another share: what readers know of these is words."""
    return [wish for wish in scored_columns(goal).values() if wish.of_share]


def token_bias(goal: Objective, z: Tensor, scores: Mapping[str, Tensor]) -> Tensor | None:
    """What a goal wants of tokens, (n,); None without a wish for a share that has scores.

    It is the mean of the scores by these wishes, turned over where less is wanted, and 0 where a wish is fulfilled.

    Args:
        goal: of one text, started there. z: its pooled latent, (1, m). scores: `token_scores` by names of properties.
    """
    weights = {term: weight for weight, term in goal.terms}
    rows = torch.zeros(1, dtype=torch.long)
    known = [wish for wish in shares(goal) if wish.name in scores]
    if not known:
        return None
    total = torch.zeros_like(scores[known[0].name])
    for wish in known:
        with torch.no_grad():
            own, one = wish.scores(z), wish.take(rows)
            gain = one.loss_of(own - STEP) - one.loss_of(own + STEP)
        total += weights[wish] * gain.sign().item() * scores[wish.name]
    return total / sum(abs(weights[wish]) for wish in known)

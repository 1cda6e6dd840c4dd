"""What the readers of a goal make of single words, so that fills can lean towards those that it wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from latentopt.editing.objectives import Objective, scored_columns

if TYPE_CHECKING:
    from latentopt.editing.measure import SecondOpinion

FARTHEST = 3.0  # standard deviations: beyond, a reader has seen the word in few texts
STEP = 0.1  # of a score, in its unit: what the goal makes of a little more of it


def token_scores(reader: SecondOpinion, tokens: Sequence[str]) -> Tensor:
    """How a reader rates n tokens, (n,): standard deviations from their median, 0 for one that is no begin of a word.

    Args:
        reader: rates each as a text of its own. tokens: what each says, a space before it where it begins a word.
    """
    begins = torch.tensor([token[:1] == " " and token[1:].isalpha() for token in tokens])
    scores = torch.zeros(len(tokens))
    if begins.sum() > 1:
        rated = [token.strip() for token, is_begin in zip(tokens, begins.tolist(), strict=True) if is_begin]
        score = torch.as_tensor(reader.predict_score(rated)).float()
        spread = score.std().clamp(min=1e-6)
        scores[begins] = ((score - score.median()) / spread).clamp(-FARTHEST, FARTHEST)
    return scores


def token_bias(goal: Objective, z: Tensor, scores: Mapping[str, Tensor]) -> Tensor | None:
    """What a goal wants of the tokens, (n,): their scores, turned over where less is wanted; None where nobody knows.

    Args:
        goal: of one text, started there. z: its pooled latent, (1, m). scores: `token_scores` by names of properties.
    """
    weights = {term: weight for weight, term in goal.terms}
    rows = torch.zeros(1, dtype=torch.long)
    found = []
    for wish in scored_columns(goal).values():
        if wish.name in scores:
            with torch.no_grad():
                own, one = wish.scores(z), wish.take(rows)
                gain = weights[wish] * (one.loss_of(own - STEP) - one.loss_of(own + STEP))
            found.append(gain.sign().item() * scores[wish.name])
    return torch.stack(found).sum(0) if found else None

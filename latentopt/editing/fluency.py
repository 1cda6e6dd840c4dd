"""How fluent a text is: what a language model says of it, marks left out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Protocol

import torch

from latentopt.editing.constraints import MARKS
from latentopt.editing.edit import WORD
from latentopt.errors import LatentoptError, first_line
from latentopt.space.surprise import Surprise
from latentopt.space.texts import closed_up

ODD_WORD = 7.0  # nats: what a word may cost that replaces easier ones
ODDEST = 11.0  # nats: what it may cost at most, whatever it replaces
STUMBLE = 4.0  # nats: what a word behind a change may cost, whatever it cost before


class LanguageModel(Protocol):
    """A judge of fluency. A LatentSpace is one, by its null latent."""

    def surprise(self, texts: Sequence[str], /) -> list[Surprise]:
        """What each token of n texts costs."""


def without_marks(text: str) -> str:
    """A text without its links, mentions and hashtags, which a mean over tokens would otherwise be about.

    Nor has it a tokeniser's spaces: an edit that closes one up would be thought fluent, whatever its words.
    """
    return closed_up(re.sub(r"\s+", " ", MARKS.sub(" ", text))).strip() or text


def strain(source: str, before: Surprise, text: str, after: Surprise) -> float:
    """Nats by which the worst word of a change stands out, 0 or more.

    A mean over a long text hides one odd word, and words that are easy to foresee make up for it. So each new word is
    held against the words that it replaces, and each of the two words behind a change, which is where a text that has
    lost a word stumbles, against what it cost before.

    Args:
        source, text: without marks. before, after: what their tokens cost.
    """
    old, new = (list(WORD.finditer(part)) for part in (source, text))
    cost_old, cost_new = (
        [surprise.within(match.start(), match.end()) for match in words]
        for words, surprise in ((old, before), (new, after))
    )
    worst = 0.0
    matcher = difflib.SequenceMatcher(a=[m.group() for m in old], b=[m.group() for m in new], autojunk=False)
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind == "equal":
            continue
        usual = min(ODDEST, max([ODD_WORD, *cost_old[i:j]]))
        excess = [cost - usual for cost in cost_new[k:m]]
        excess += [b - max(a, STUMBLE) for a, b in zip(cost_old[j : j + 2], cost_new[m : m + 2], strict=False)]
        worst = max([worst, *excess])
    return worst


class CausalLM:
    """Any causal language model of transformers as a judge of fluency.

    Args:
        name: a directory, or a name on the Hugging Face hub.

    Raises:
        LatentoptError: if there is no such model.
    """

    def __init__(self, name: str) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        try:
            self.tokenizer = AutoTokenizer.from_pretrained(name)
            self.model = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32).eval()
        except (OSError, ValueError) as error:
            raise LatentoptError(
                f"{name}: no causal language model of transformers ({first_line(error)}); "
                "give a directory or a hub name"
            ) from error
        self._end = self.tokenizer.eos_token_id
        self._start = self._end if self.tokenizer.bos_token_id is None else self.tokenizer.bos_token_id
        if self._end is None:
            raise LatentoptError(f"{name}: this tokenizer has no end token; give another language model")

    @torch.no_grad()
    def surprise(self, texts: Sequence[str], /) -> list[Surprise]:
        found = self.tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=True)
        rows = [torch.tensor([self._start, *ids, self._end]) for ids in found.input_ids]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=self._end)
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
        logits = self.model(ids, attention_mask=mask).logits[:, :-1].float()
        loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
        return [
            Surprise([end for _, end in offsets], loss[i, : len(offsets) + 1].tolist())
            for i, offsets in enumerate(found.offset_mapping)
        ]

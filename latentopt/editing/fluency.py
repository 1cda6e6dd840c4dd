"""How fluent a text is: what a language model says of it, marks left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from latentopt.editing.constraints import KINDS
from latentopt.errors import LatentoptError

_MARKS = re.compile("|".join(KINDS[kind].pattern for kind in ("links", "mentions", "hashtags")))


class LanguageModel(Protocol):
    """A judge of fluency. A LatentSpace is one, by its null latent."""

    def log_likelihood(self, texts: Sequence[str], /) -> Tensor:
        """Mean log-probability per token (nats) of n texts, the end token included, shape (n,)."""

    def lengths(self, texts: Sequence[str], /) -> list[int]:
        """Number of tokens of each text, the end token left out."""


def without_marks(text: str) -> str:
    """A text without its links, mentions and hashtags, which a mean over tokens would otherwise be about."""
    return re.sub(r"\s+", " ", _MARKS.sub(" ", text)).strip() or text


def totals(model: LanguageModel, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Log-probability in nats of all of each text, marks left out, and its tokens, both (n,), the end included."""
    bare = [without_marks(text) for text in texts]
    tokens = torch.tensor(model.lengths(bare), dtype=torch.float32) + 1
    return model.log_likelihood(bare) * tokens, tokens


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
            first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise LatentoptError(
                f"{name}: no causal language model of transformers ({first}); give a directory or a hub name"
            ) from error
        self._end = self.tokenizer.eos_token_id
        self._start = self._end if self.tokenizer.bos_token_id is None else self.tokenizer.bos_token_id
        if self._end is None:
            raise LatentoptError(f"{name}: this tokenizer has no end token; give another language model")

    def lengths(self, texts: Sequence[str], /) -> list[int]:
        return [len(ids) for ids in self.tokenizer(list(texts), add_special_tokens=False).input_ids]

    @torch.no_grad()
    def log_likelihood(self, texts: Sequence[str], /) -> Tensor:
        rows = [
            torch.tensor([self._start, *ids, self._end])
            for ids in self.tokenizer(list(texts), add_special_tokens=False).input_ids
        ]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=self._end)
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
        logits = self.model(ids, attention_mask=mask).logits[:, :-1].float()
        loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
        return -(loss * mask[:, 1:]).sum(1) / mask[:, 1:].sum(1)

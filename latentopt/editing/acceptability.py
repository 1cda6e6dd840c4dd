"""Whether an edit could be posted: what the network makes of its changes, and how others were rated."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from latentopt.editing.constraints import MARKS
from latentopt.editing.edit import WORD, places_changed
from latentopt.editing.fluency import without_marks
from latentopt.errors import LatentoptError
from latentopt.model.scoring import DEPTH
from latentopt.space.states import token_states
from latentopt.tables import atomic_write

if TYPE_CHECKING:
    from latentopt.space import LatentSpace
    from latentopt.space.surprise import Surprise

FILE = "acceptability.safetensors"
READS = f"encoder: new, edit, old, source; decoder at {DEPTH:.2f}: new, behind, edit, last"  # `states_of_edits`
BEST = 2.0  # rating of what could be posted as it is


@dataclass(frozen=True, eq=False)
class Acceptability:
    """A linear probe (Alain & Bengio 2017) of `states_of_edits`, fitted to ratings of edits (experiments/edits).

    Fluency asks what words are usual, and *love you* is usual anywhere; raters ask whether it fits.

    weight: (8h,), of states of h dimensions. bias: the rating of an edit whose states are all 0. fingerprint: of the
    space that it reads. goals: what the rated edits were made for, by the names of wishes, each with what such edits
    are rated above what their states say.
    """

    weight: Tensor
    bias: float
    fingerprint: str
    goals: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of_model(cls, space: LatentSpace) -> Acceptability | None:
        """That which came with a model; None where none did, or the model has been trained on since."""
        file = None if space.path is None else space.path / FILE
        if file is None or not file.exists() or _metadata(file).get("fingerprint") != space.fingerprint:
            return None
        return cls.from_pretrained(file)

    def knows(self, goals: Collection[str]) -> bool:
        """Whether edits for all these wishes, by their names, were rated; for others, ratings are guesses."""
        return set(goals) <= self.goals.keys()

    def predict(
        self,
        space: LatentSpace,
        source: str,
        texts: Sequence[str],
        read: Sequence[Surprise] | None = None,
        *,
        goals: Collection[str] = (),
    ) -> Tensor:
        """The ratings (n,) that n edits of a text can expect: from 0, nobody would post it, to 2, as it is.

        NaN for an edit that changes no word, but links, mentions or hashtags: no such edit was rated.

        Args:
            space, source, texts, read: as `states_of_edits` takes them.
            goals: names of the wishes that they were made for.

        Raises:
            LatentoptError: if it was fitted to another space.
        """
        if self.fingerprint != space.fingerprint:
            raise LatentoptError(
                f"this acceptability reads another latent space ({self.fingerprint}, not {space.fingerprint}); "
                "fit it to ratings of this model's edits, or give none"
            )
        expected = states_of_edits(space, source, texts, read) @ self.weight + self.bias
        expected += sum(self.goals.get(name, 0.0) for name in goals) / max(1, len(goals))
        words = _words(source)
        no_word = [text != source and _words(text) == words for text in texts]
        return expected.clamp(0.0, BEST).masked_fill(torch.tensor(no_word, dtype=torch.bool), torch.nan)

    def save_pretrained(self, path: str | Path) -> None:
        """Write a safetensors file."""
        with atomic_write(path) as temporary:
            tensors = {"weight": self.weight.contiguous(), "bias": torch.tensor(self.bias)}
            said = {"fingerprint": self.fingerprint, "reads": READS, "goals": json.dumps(dict(self.goals))}
            save_file(tensors, temporary, said)

    @classmethod
    def from_pretrained(cls, path: str | Path) -> Self:
        """Read what `save_pretrained` wrote; LatentoptError for a damaged file, another kind, another version."""
        said = _metadata(path)
        if {"fingerprint", "reads", "goals"} - said.keys():
            raise LatentoptError(f"{path}: this is no acceptability of edits; copy the model again, or delete the file")
        if said["reads"] != READS:
            raise LatentoptError(
                f"{path}: this acceptability reads other states ({said['reads']}) than this version of latentopt "
                f"({READS}); copy the model again, or delete the file"
            )
        with safe_open(path, "pt") as file:
            weight, bias = file.get_tensor("weight"), file.get_tensor("bias").item()
        return cls(weight, bias, said["fingerprint"], json.loads(said["goals"]))


def _metadata(path: str | Path) -> dict[str, str]:
    try:
        with safe_open(path, "pt") as file:
            return file.metadata() or {}
    except SafetensorError as error:
        raise LatentoptError(
            f"{path}: this is no acceptability of edits ({error}); copy the model again, or delete the file"
        ) from error


def _words(text: str) -> list[str]:
    return WORD.findall(MARKS.sub(" ", text))


def states_of_edits(
    space: LatentSpace, source: str, texts: Sequence[str], read: Sequence[Surprise] | None = None
) -> Tensor:
    """What the network makes of n edits of a text, (n, 8h).

    Mean states (h,) of the encoder: of the words that are new, of the whole edit, of the words that had been there, and
    of the source. And of the decoder as a language model, marks left out: of the words that are new, of all behind the
    last change, of the whole edit, and of its last token. 0 where there is nothing.

    Args:
        space: its network reads. source, texts: what was edited, and n edits.
        read: of each edit without its marks, what `space.surprise` says with states; None: it is asked.
    """
    bare, *edits = (without_marks(text) for text in (source, *texts))
    if read is None:
        read = space.surprise([bare, *edits], with_states=True)[1:]
    own, *encoded = token_states(space, [source, *texts])
    rows = []
    for text, by_encoder, edit, surprise in zip(texts, encoded, edits, read, strict=True):
        by_decoder = surprise.states
        if by_decoder is None:
            raise LatentoptError("acceptability needs the decoder's states; ask space.surprise(..., with_states=True)")
        changed = places_changed(source, text)
        old, new = [place for place, _ in changed], [place for _, place in changed]
        now = [place for _, place in places_changed(bare, edit)]
        behind = max((end for _, end in now), default=len(edit))
        parts = [by_encoder.mean_within(new), by_encoder.mean, own.mean_within(old), own.mean]
        parts += [by_decoder.mean_within(now), by_decoder.mean_behind(behind), by_decoder.mean, by_decoder.states[-1]]
        rows.append(torch.cat(parts))
    return torch.stack(rows) if rows else torch.empty(0, 8 * len(own.mean))

"""Whether an edit could be posted: what the encoder makes of its changes, and how others were rated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from latentopt.editing.edit import places_changed
from latentopt.errors import LatentoptError
from latentopt.space.states import token_states
from latentopt.tables import atomic_write

if TYPE_CHECKING:
    from latentopt.space import LatentSpace

FILE = "acceptability.safetensors"


@dataclass(frozen=True, eq=False)
class Acceptability:
    """A linear probe (Alain & Bengio 2017) of `states_of_edits`, fitted to ratings of edits (experiments/edits).

    Fluency asks what words are usual, and *love you* is usual anywhere; raters ask whether it fits.

    weight: (4h,), of states of h dimensions. bias: the rating of an edit whose states are all 0. fingerprint: of the
    space that it reads.
    """

    weight: Tensor
    bias: float
    fingerprint: str

    @classmethod
    def of_model(cls, space: LatentSpace) -> Acceptability | None:
        """That which came with a model; None where none did, or the model has been trained on since."""
        file = None if space.path is None else space.path / FILE
        if file is None or not file.exists():
            return None
        found = cls.from_pretrained(file)
        return found if found.fingerprint == space.fingerprint else None

    def predict(self, space: LatentSpace, source: str, texts: Sequence[str]) -> Tensor:
        """The ratings (n,) that n edits of a text can expect: about 0, nobody would post it, to 2, as it is.

        Raises:
            LatentoptError: if it was fitted to another space.
        """
        if self.fingerprint != space.fingerprint:
            raise LatentoptError(
                f"this acceptability reads another latent space ({self.fingerprint}, not {space.fingerprint}); "
                "fit it to ratings of this model's edits, or give none"
            )
        return states_of_edits(space, source, texts) @ self.weight + self.bias

    def save_pretrained(self, path: str | Path) -> None:
        """Write a safetensors file."""
        with atomic_write(path) as temporary:
            tensors = {"weight": self.weight.contiguous(), "bias": torch.tensor(self.bias)}
            save_file(tensors, temporary, {"fingerprint": self.fingerprint})

    @classmethod
    def from_pretrained(cls, path: str | Path) -> Self:
        """Read what `save_pretrained` wrote; LatentoptError for a file that is damaged or of another kind."""
        try:
            with safe_open(path, "pt") as file:
                fingerprint = file.metadata()["fingerprint"]
                return cls(file.get_tensor("weight"), file.get_tensor("bias").item(), fingerprint)
        except (SafetensorError, KeyError, TypeError) as error:
            raise LatentoptError(
                f"{path}: this is no acceptability of edits ({error}); copy the model again, or delete the file"
            ) from error


def states_of_edits(space: LatentSpace, source: str, texts: Sequence[str]) -> Tensor:
    """What the encoder makes of n edits of a text, (n, 4h).

    They are mean states (h,): of the words that are new, of the whole edit, of the words that had been there, and of
    the source; 0 where there are no such words.
    """
    own, *others = token_states(space, [source, *texts])
    rows = []
    for text, its in zip(texts, others, strict=True):
        changed = places_changed(source, text)
        old, new = [place for place, _ in changed], [place for _, place in changed]
        rows.append(torch.cat([its.mean_within(new), its.mean, own.mean_within(old), own.mean]))
    return torch.stack(rows) if rows else torch.empty(0, 4 * len(own.mean))

"""Whether an edit could be posted: what the network makes of its changes, and how others were rated."""

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
from latentopt.editing.fluency import without_marks
from latentopt.errors import LatentoptError
from latentopt.space.states import token_states
from latentopt.tables import atomic_write

if TYPE_CHECKING:
    from latentopt.space import LatentSpace
    from latentopt.space.surprise import Surprise

FILE = "acceptability.safetensors"
READS = "encoder: new, edit, old, source; decoder at 2/3: new, behind, edit, last"  # `states_of_edits`
BEST = 2.0  # rating of what could be posted as it is


@dataclass(frozen=True, eq=False)
class Acceptability:
    """A linear probe (Alain & Bengio 2017) of `states_of_edits`, fitted to ratings of edits (experiments/edits).

    Fluency asks what words are usual, and *love you* is usual anywhere; raters ask whether it fits.

    weight: (8h,), of states of h dimensions. bias: the rating of an edit whose states are all 0. fingerprint: of the
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

    def predict(
        self, space: LatentSpace, source: str, texts: Sequence[str], read: Sequence[Surprise] | None = None
    ) -> Tensor:
        """The ratings (n,) that n edits of a text can expect: from 0, nobody would post it, to 2, as it is.

        NaN for an edit of marks (links, mentions, hashtags) alone: no such edit was rated.

        Args:
            space, source, texts, read: as `states_of_edits` takes them.

        Raises:
            LatentoptError: if it was fitted to another space.
        """
        if self.fingerprint != space.fingerprint:
            raise LatentoptError(
                f"this acceptability reads another latent space ({self.fingerprint}, not {space.fingerprint}); "
                "fit it to ratings of this model's edits, or give none"
            )
        expected = (states_of_edits(space, source, texts, read) @ self.weight + self.bias).clamp(0.0, BEST)
        bare = without_marks(source)
        marks_alone = [text != source and without_marks(text) == bare for text in texts]
        return expected.masked_fill(torch.tensor(marks_alone, dtype=torch.bool), torch.nan)

    def save_pretrained(self, path: str | Path) -> None:
        """Write a safetensors file."""
        with atomic_write(path) as temporary:
            tensors = {"weight": self.weight.contiguous(), "bias": torch.tensor(self.bias)}
            save_file(tensors, temporary, {"fingerprint": self.fingerprint, "reads": READS})

    @classmethod
    def from_pretrained(cls, path: str | Path) -> Self:
        """Read what `save_pretrained` wrote; LatentoptError for a file that is damaged or of another kind."""
        try:
            with safe_open(path, "pt") as file:
                said = file.metadata()
                if said["reads"] != READS:
                    raise KeyError(f"it reads {said['reads']}, and this version {READS}")
                return cls(file.get_tensor("weight"), file.get_tensor("bias").item(), said["fingerprint"])
        except (SafetensorError, KeyError, TypeError) as error:
            raise LatentoptError(
                f"{path}: this is no acceptability of edits ({error}); copy the model again, or delete the file"
            ) from error


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

"""AttributeTransfer: learn from example texts what to change, and change it in other texts."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from latentopt.directions.auto import edit_as_needed
from latentopt.directions.examples import Examples
from latentopt.directions.miners.shrunk import Shrunk
from latentopt.directions.mining import FEWEST_TO_READ, read_by
from latentopt.directions.pairs import usable_pairs, usable_texts
from latentopt.directions.split import halves, source_ids
from latentopt.directions.strength import warn_if_far
from latentopt.editing import Along, TextEditor
from latentopt.errors import LatentoptError
from latentopt.space import LatentSpace
from latentopt.space.texts import checked_texts

if TYPE_CHECKING:
    from latentopt.directions.miners.miner import Miner


class AttributeTransfer(TransformerMixin, BaseEstimator):
    """Texts with an attribute from texts without it, after scikit-learn's manner.

    Example:
        >>> transfer = AttributeTransfer(target="polite").fit(frame["text"], frame["tone"])
        >>> transfer = AttributeTransfer().fit(frame[["rude", "polite"]])  # pairs
        >>> transfer.transform(["who asked you, fool"])

    For statistics, held-out examples and a verdict, see `latentopt.directions.mine`.
    `sklearn.base.clone` makes an estimator with the same space: a model is not copied.

    Args:
        space: the latent space; None takes that of the bundled model.
        target: the label of texts with the attribute. None: the second of the two labels in their order, as for
            scikit-learn's classifiers, of 0 and 1 the 1.
        miner: fits the direction; None takes `latentopt.directions.Shrunk.for_space(space)`.

    Attributes:
        direction_: the fitted Direction; `transfer.direction_.save_pretrained(path)` keeps it for `latentopt apply`.
        space_: the latent space that it belongs to.
        judge_: reads texts for `score`; of one half of the sources, where the direction's own reader, the editor's
            second opinion, is of the other. None where there are fewer than 16 of a kind.
    """

    def __init__(self, space: LatentSpace | None = None, *, target: Any = None, miner: Miner | None = None) -> None:
        self.space = space
        self.target = target
        self.miner = miner

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the direction from texts without the attribute to texts with it.

        The mean difference of pairs is the difference of the means: what pairs add is that they differ in
        nothing else, so that the difference is known more surely, and a miner may trust it more.

        Args:
            X: with labels, n texts: a list, a tuple, an array (n,), a column. Without, n pairs of a text without the
                attribute and its partner with it: a list of pairs, an array (n, 2), a data frame of two columns.
            y: n labels of two kinds; None where X are pairs.

        Warns of fewer than 16 different texts of a kind: edits are then checked by no reader, and cannot be scored.

        Raises:
            LatentoptError: if a text is blank, missing or no string, if X are no pairs and have no labels, or if the
                labels are not n, or not of two kinds.
        """
        self.space_ = LatentSpace.from_pretrained() if self.space is None else self.space
        if y is None:
            usable = usable_pairs(self.space_, *_pairs(X))
        else:
            usable = usable_texts(self.space_, *self._by_label(checked_texts(X), y))
        z_source, z_target = (self.space_.pooled(self.space_.encode(texts)) for texts in (usable.source, usable.target))
        group = None if y is not None else source_ids(usable.source)
        miner = Shrunk.for_space(self.space_) if self.miner is None else self.miner
        sources, targets = (torch.ones(len(side), dtype=torch.bool) for side in (usable.source, usable.target))
        reader, self.judge_ = (read_by(usable, *half, paired=y is None) for half in halves(sources, targets, group))
        if reader is None or self.judge_ is None:
            warnings.warn(
                f"a transfer needs {2 * FEWEST_TO_READ} different texts of each kind, for readers that check edits; "
                f"got {len(set(usable.source))} and {len(set(usable.target))}: edits may not have what they should; "
                "give more",
                stacklevel=2,
            )
        self.direction_ = replace(
            miner(Examples(z_source, z_target, group, self.space_.fingerprint)),
            name="transfer",
            reader=reader,
            statistics={"sources": len(usable.source), "targets": len(usable.target), "paired": y is None},
        )
        return self

    def transform(self, X: Collection[str], *, strength: float | Literal["auto"] = "auto") -> list[str]:
        """Edit texts along the fitted direction, as `latentopt apply` does.

        Args:
            X: n texts.
            strength: multiple of the direction; negative takes the attribute away. "auto": for each text the smallest
                that works, see `latentopt.directions.edit_as_needed`.

        Returns:
            The n edited texts; a text itself where no edit is better, or where none is needed.

        Raises:
            NotFittedError: before `fit`.
            LatentoptError: if a text is blank, missing or no string, or the strength is neither finite nor "auto".
        """
        check_is_fitted(self)
        texts = checked_texts(X)
        if strength == "auto":
            return [auto.edit.text for auto in edit_as_needed(self.direction_, texts, self._editor())]
        if not isinstance(strength, Real):
            raise LatentoptError(f'the strength is a finite number or "auto", got {strength!r}; try 1')
        warn_if_far(float(strength))
        return self._editor(float(strength)).transform(texts)

    def score(self, X: Collection[str], y: Any = None) -> float:
        """Share of texts that read as if they had the attribute once they are transformed, by `judge_`.

        Args:
            X: n texts. y: n labels; texts that have the target's already are left out. None: all texts are asked for.

        Raises:
            NotFittedError: before `fit`.
            LatentoptError: if there were too few examples for a judge, if no text is left, or as `transform`.
        """
        check_is_fitted(self)
        texts = checked_texts(X) if y is None else self._by_label(checked_texts(X), y)[0]
        if self.judge_ is None:
            raise LatentoptError(
                f"a score needs a judge of the words, which needs {2 * FEWEST_TO_READ} examples of each kind; give more"
            )
        return float(np.mean(self.judge_.predict_score(self.transform(texts)) > 0))

    def _editor(self, strength: float | None = None) -> TextEditor:
        return TextEditor(self.space_, Along(self.direction_, strength), readers=self.direction_.readers())

    def __sklearn_clone__(self) -> Self:
        return type(self)(self.space, target=self.target, miner=self.miner)

    def _by_label(self, texts: list[str], y: Any) -> tuple[list[str], list[str]]:
        """Return the texts without the attribute, and those with it."""
        labels = np.asarray(y, dtype=object)
        if labels.shape != (len(texts),):
            raise LatentoptError(f"each text needs its label, got {len(texts)} texts and labels of {labels.shape}")
        kinds = sorted(set(labels.tolist()), key=lambda label: (str(type(label)), label))
        if len(kinds) != 2:
            shown = ", ".join(map(repr, kinds[:5])) + (", ..." if len(kinds) > 5 else "")
            raise LatentoptError(
                f"labels say of two kinds of texts which is which, got {len(kinds)}: {shown}; keep the texts of two "
                "kinds, or fit pairs: fit(list(zip(sources, targets)))"
            )
        wanted = kinds[1] if self.target is None else self.target
        if wanted not in kinds:
            raise LatentoptError(f"target must be one of the labels, {kinds[0]!r} or {kinds[1]!r}, got {wanted!r}")
        having: NDArray[np.bool_] = np.array([label == wanted for label in labels])
        with_it = [text for text, has in zip(texts, having, strict=True) if has]
        return [text for text, has in zip(texts, having, strict=True) if not has], with_it


def _pairs(X: Any) -> tuple[list[str], list[str]]:
    """Sources and targets of n pairs."""
    try:
        rows = np.asarray(X, dtype=object)
    except ValueError:  # of rows that are not of one length
        rows = np.empty(0)
    if rows.ndim != 2 or rows.shape[1] != 2 or not len(rows):
        raise LatentoptError(
            "texts without labels are pairs (n, 2) of a text without the attribute and its partner with it, got "
            f"{type(X).__name__} of shape {rows.shape}; give fit(texts, labels), or fit(list(zip(sources, targets)))"
        )
    return checked_texts(rows[:, 0]), checked_texts(rows[:, 1])

"""AttributeTransfer: learn from example texts what to change, and change it in other texts."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from latentopt.directions.direction import Direction
from latentopt.directions.mean_difference import paired, unpaired
from latentopt.directions.mining import default_miner
from latentopt.directions.split import source_ids
from latentopt.editing import Along, TextEditor
from latentopt.errors import LatentoptError
from latentopt.space import LatentSpace
from latentopt.space.texts import checked_texts

if TYPE_CHECKING:
    from latentopt.directions.mean_difference import Miner


class AttributeTransfer(TransformerMixin, BaseEstimator):
    """Texts with an attribute from texts without it, after scikit-learn's manner.

    Example:
        >>> transfer = AttributeTransfer(target="polite").fit(frame["text"], frame["tone"])
        >>> transfer = AttributeTransfer().fit(frame[["rude", "polite"]])  # pairs
        >>> transfer.transform(["who asked you, fool"], strength=1.5)

    For a strength that is calibrated, for statistics and held-out examples, see `latentopt.directions.mine`.
    `sklearn.base.clone` makes an estimator with the same space: a model is not copied.

    Args:
        space: the latent space; None takes that of the bundled model.
        target: the label of texts with the attribute. None: the second of the two labels in their order, as for
            scikit-learn's classifiers, of 0 and 1 the 1.
        miner: fits the direction; None takes `latentopt.directions.default_miner(space)`.

    Attributes:
        direction_: the fitted Direction; `transfer.direction_.save_pretrained(path)` keeps it for `latentopt apply`.
        space_: the latent space that it belongs to.
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

        Raises:
            LatentoptError: if a text is blank, missing or no string, if X are no pairs and have no labels, or if the
                labels are not n, or not of two kinds.
        """
        self.space_ = LatentSpace.from_pretrained() if self.space is None else self.space
        source, target = _pairs(X) if y is None else self._by_label(checked_texts(X), y)
        z_source, z_target = (self.space_.pooled(self.space_.encode(texts)) for texts in (source, target))
        if y is None:
            mean, noise = paired(z_target - z_source, sources=len(source_ids(source).unique()))
        else:
            mean, noise = unpaired(z_source, z_target)
        miner = default_miner(self.space_) if self.miner is None else self.miner
        self.direction_ = Direction(
            miner(mean[None], noise[None])[0],
            name="transfer",
            space=self.space_.fingerprint,
            statistics={"sources": len(source), "targets": len(target), "paired": y is None},
        )
        return self

    def transform(self, X: Collection[str], *, strength: float = 1.0) -> list[str]:
        """Edit texts along the fitted direction, as `latentopt apply` does.

        Args:
            X: n texts.
            strength: multiple of the direction; negative takes the attribute away.

        Returns:
            The n edited texts; a text itself where no edit is better.

        Raises:
            NotFittedError: before `fit`.
            LatentoptError: if a text is blank, missing or no string, or the strength not finite.
        """
        check_is_fitted(self)
        return TextEditor(self.space_, Along(self.direction_, strength)).transform(checked_texts(X))

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

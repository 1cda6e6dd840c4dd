"""AttributeTransfer: learn from example texts what to change, and change it in other texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from latentopt.directions.direction import Direction
from latentopt.directions.mean_difference import paired as mean_of_pairs
from latentopt.directions.mean_difference import unpaired
from latentopt.directions.mining import default_miner
from latentopt.directions.split import source_ids
from latentopt.editing import Along, TextEditor
from latentopt.errors import LatentoptError

if TYPE_CHECKING:
    from latentopt.directions.mean_difference import Miner
    from latentopt.space import LatentSpace


class AttributeTransfer(BaseEstimator):
    """Texts with an attribute from texts without it, after scikit-learn's manner.

    Example:
        >>> space = LatentSpace.from_pretrained()
        >>> transfer = AttributeTransfer(space).fit(rude_texts, civil_texts)
        >>> transfer.transform(["who asked you, fool"], strength=1.5)

    For a strength that is calibrated, for statistics and held-out examples, see `latentopt.directions.mine`.

    Args:
        space: the latent space.
        miner: fits the direction; None takes `latentopt.directions.default_miner(space)`.

    Attributes:
        direction_: the fitted Direction; `transfer.direction_.save(path)` keeps it for `latentopt apply`.
    """

    def __init__(self, space: LatentSpace, *, miner: Miner | None = None) -> None:
        self.space = space
        self.miner = miner

    def fit(self, source: Sequence[str], target: Sequence[str], *, paired: bool | None = None) -> AttributeTransfer:
        """Fit the direction from source to target texts.

        The mean difference of pairs is the difference of the means: what pairs add is that they differ in
        nothing else, so that the difference is known more surely, and a miner may trust it more.

        Args:
            source: n texts without the attribute.
            target: m texts with it.
            paired: whether text i of both sides are one message said in two ways. None: they are if n = m.

        Raises:
            LatentoptError: if texts are empty or missing, or pairs are asked for and the two differ in number.
        """
        paired = len(source) == len(target) if paired is None else paired
        if paired and len(source) != len(target):
            raise LatentoptError(
                f"pairs need a target for every source, got {len(source)} sources and {len(target)} targets; "
                "for texts that are no pairs, fit(source, target, paired=False)"
            )
        if not len(source) or not len(target):
            raise LatentoptError(f"texts are needed on both sides, got {len(source)} sources and {len(target)} targets")
        z_source, z_target = (self.space.pooled(self.space.encode(texts)) for texts in (source, target))
        if paired:
            mean, noise = mean_of_pairs(z_target - z_source, sources=len(source_ids(source).unique()))
        else:
            mean, noise = unpaired(z_source, z_target)
        miner = default_miner(self.space) if self.miner is None else self.miner
        self.direction_ = Direction(
            miner(mean[None], noise[None])[0],
            name="transfer",
            space=self.space.fingerprint,
            statistics={"sources": len(source), "targets": len(target), "paired": paired},
        )
        return self

    def transform(self, texts: Sequence[str], *, strength: float = 1.0) -> list[str]:
        """Edit texts along the fitted direction, as `latentopt apply` does.

        Args:
            texts: n texts.
            strength: multiple of the direction; negative takes the attribute away.

        Returns:
            The n edited texts; a text itself where no edit is better.

        Raises:
            NotFittedError: before `fit`.
            LatentoptError: if a text is empty, or the strength not finite.
        """
        check_is_fitted(self)
        return TextEditor(self.space, Along(self.direction_, strength)).transform(texts)

"""Readers: second opinions on a property, which see the text and never a latent.

A head judges a text by its latent, and an edit is made by moving that latent to please the head: the head flatters it.
A reader counts hashed words and characters and knows nothing of latents, so that its word on an edit is a second one.
It is not the last word: it learned from the same rows as the head, and any other bag of words fitted to those rows (a
judge of finished edits, say) is a relative of it that will mostly agree. Where a class is wished for, it also says to
which words fills lean (`latentopt.editing.bias`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

import property_models as pm
from latentopt.heads.opinion import Opinion
from latentopt.heads.rows import Rows, are_numbers
from latentopt.heads.storage import read_head, save_head
from property_models import Head, PropertyModel

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

COUNTS = "words and characters, 1"  # in the place of a space's fingerprint; the number rises if `counted` changes
BITS = 18  # of the hashes, for words and for characters: half a million weights, of a byte each
FEWEST_BITS = 14
ALPHA = 3.0  # rows are unit vectors twice over, so that one penalty does for all sizes of data that were tried
LOGISTIC_ALPHA = 0.3, 1.0  # of two classes, and of more, which have fewer rows each
WORD = r"\w+|[^\w\s]+"  # signs and one-letter words count, too: emoji and "!" say much of a tweet


class Reader(Opinion[Sequence[str]]):
    """A linear model on the hashed words and characters of texts.

    Words count alone and in pairs, begin and end of the text among them (whether a tweet begins with a mention says
    much of its likes); characters in threes to fives within words. Both counts are scaled to length 1.

    Args:
        estimator: fitted on `counted(texts, bits=bits)`. bits: of the hashes.
    """

    def __init__(self, estimator: Head, *, bits: int) -> None:
        super().__init__(estimator)
        self.bits = bits

    def vectors(self, texts: Sequence[str]) -> csr_matrix:
        return counted(texts, bits=self.bits)

    def save_pretrained(self, directory: str | Path, *, name: str, metrics: dict[str, Any] | None = None) -> None:
        """Write reader.json and reader.safetensors (a byte for each weight) into a directory, beside a head or alone.

        Raises:
            HeadError: for the reader of one class.
        """
        save_head(self.estimator, directory, name=name, space=COUNTS, metrics=metrics, stem="reader", in_bytes=True)

    @classmethod
    def from_pretrained(cls, directory: str | Path) -> Self:
        """Read what `save_pretrained` wrote.

        Raises:
            LatentoptError: if there is no reader, or if its files are damaged.
        """
        estimator = read_head(directory, space=COUNTS, stem="reader")
        return cls(estimator, bits=(estimator.n_features_in_ // 2).bit_length() - 1)


def fit_reader(
    texts: Sequence[str],
    values: NDArray[Any],
    *,
    groups: NDArray[Any] | None = None,
    scale: str = "identity",
    alpha: float | None = None,
    seed: int = 0,
) -> Reader:
    """Fit a reader to texts.

    Args:
        texts: n texts. values: (n,) numbers, or classes as strings. groups: (n,) of numbers, as heads take them.
        scale: of numbers. alpha: penalty on the squared weights. [3 of numbers, 0.3 of two classes, 1 of more]
        seed: of the tenth of the rows that is set aside for the intervals.

    Raises:
        HeadError: if a value does not fit the scale.
    """
    bits = bits_for(values)
    rows = Rows(np.zeros((len(texts), 0)), list(texts), values, groups)
    estimator = reader_estimator(values, scale=scale, alpha=alpha, seed=seed)
    return Reader(fit_estimator(estimator, rows, counted(texts, bits=bits)), bits=bits)


def reader_estimator(values: NDArray[Any], *, scale: str, alpha: float | None = None, seed: int) -> PropertyModel:
    """What a reader of such values learns with, not fitted yet."""
    if are_numbers(values):
        return pm.RidgeHead(alpha=ALPHA if alpha is None else alpha, scale=scale, random_state=seed)
    two, more = LOGISTIC_ALPHA
    usual = two if len(set(values.tolist())) == 2 else more
    return pm.LogisticHead(alpha=usual if alpha is None else alpha)


def fit_estimator(estimator: PropertyModel, rows: Rows, counts: csr_matrix) -> PropertyModel:
    """Fit to the counts (n, 2^(bits + 1)) of rows; weights are rounded to what is stored, so that this is measured."""
    estimator.fit(counts, rows.values, groups=rows.levelled, weights=rows.weights)
    estimator.tensors_["weight"] = pm.rounded(estimator.tensors_["weight"])
    return estimator


def bits_for(values: NDArray[Any]) -> int:
    """Bits of the hashes for such values: fewer where there is a weight for each of many classes."""
    if are_numbers(values):
        return BITS
    return max(FEWEST_BITS, BITS - int(np.ceil(np.log2(len(set(values.tolist()))))) + 1)


def counted(texts: Sequence[str], *, bits: int) -> csr_matrix:
    """Counts of hashed words and characters, (n, 2^(bits + 1)) float32; rows are independent of each other.

    Feature hashing (Weinberger et al. 2009) needs no vocabulary, so that a reader is its weights and nothing else.
    """
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import HashingVectorizer

    shape: dict[str, Any] = {"n_features": 2**bits, "alternate_sign": False, "dtype": np.float32}
    words = HashingVectorizer(preprocessor=_with_ends, token_pattern=WORD, ngram_range=(1, 2), **shape)
    characters = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), **shape)
    return csr_matrix(hstack([words.transform(texts), characters.transform(texts)]))


def _with_ends(text: str) -> str:
    return f"\x02 {text.lower()} \x03"  # start and end of text, in ASCII

"""The mean difference between targets and sources, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from latentopt.errors import LatentoptError

Miner = Callable[[Tensor, Tensor], Tensor]
"""Mean differences (p, d) and their noise (p,) -> directions (p, d)."""


def mean_difference(mean: Tensor, noise: Tensor) -> Tensor:
    """Take the mean difference for the direction as it is: the plainest miner, good for thousands of pairs.

    Attribute vectors: Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity metric"; of texts:
    Shen et al. 2020, "Educating text autoencoders". A linear discriminant, an inverse covariance times the mean
    difference, tells sources from targets better, but it leans on directions in which latents vary little, and those
    the decoder ignores.

    Args:
        mean: mean differences, shape (p, d).
        noise: expected squared length of their errors, shape (p,); not used.

    Returns:
        The directions, shape (p, d).
    """
    return mean


def paired(difference: Tensor, *, sources: int | None = None) -> tuple[Tensor, Tensor]:
    """Mean of paired differences, shape (d,), and its noise: the expected squared length of its error, a scalar.

    Args:
        difference: target latent minus source latent of each pair, shape (n, d).
        sources: number of different sources, n where None. Pairs of one source are counted as one observation, which
            makes the noise rather too high than too low.

    Raises:
        LatentoptError: if there is no pair.
    """
    if difference.ndim != 2 or not len(difference):
        raise LatentoptError(
            f"a direction needs the differences (n, d) of a pair or more, got {tuple(difference.shape)}"
        )
    mean = difference.mean(0)
    square = difference.square().sum(1).mean()
    return mean, noise_of(mean, square, len(difference) if sources is None else sources)


def unpaired(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Difference of the means of latents that are no pairs, shape (d,), and its noise, a scalar.

    Args:
        source: latents, shape (n, d).
        target: latents, shape (m, d).

    Raises:
        LatentoptError: if a side is empty.
    """
    if not len(source) or not len(target):
        raise LatentoptError(f"a direction needs texts on both sides, got {len(source)} sources, {len(target)} targets")
    noise = [noise_of(z.mean(0), z.square().sum(1).mean(), len(z)) for z in (source, target)]
    return target.mean(0) - source.mean(0), noise[0] + noise[1]


def noise_of(mean: Tensor, square: Tensor, count: int) -> Tensor:
    """Expected squared length of the error of a mean of `count` independent vectors with mean square length `square`.

    Args:
        mean: means, shape (..., d).
        square: mean squared length of the vectors, a scalar.
        count: independent vectors; of a single one everything may be noise.

    Returns:
        The noise, shape (...).
    """
    if count < 2:
        return square.expand(mean.shape[:-1])
    return (square - mean.square().sum(-1)).clamp_min(1e-12) / (count - 1)  # never zero: it is divided by

"""What pulls the latents of a batch towards the prior N(0, I): one function each, each with its paper."""

from __future__ import annotations

import torch
from torch import Tensor

IMQ_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def mmd(z: Tensor, prior: Tensor) -> Tensor:
    """Maximum mean discrepancy between latents and prior samples, with an inverse multiquadratic kernel.

    The unbiased estimate of Gretton et al. (2012, eq. 3) with the kernel sum of Tolstikhin et al. (2018, "Wasserstein
    auto-encoders", section 4): k(x, y) = sum over s of C / (C + |x - y|^2) with C = 2 d s, which is scaled to the
    expected squared distance 2 d of two N(0, I) draws. The diagonals are left out; with them a collapsed batch scores
    better than a Gaussian one, and dividing by d twice, as the original T5-VAE does, hides any difference.

    Args:
        z: latents, shape (n, d), n >= 2.
        prior: draws from N(0, I), shape (m, d), m >= 2.

    Returns:
        A scalar, about 0 where both come from one distribution (it can be slightly negative).

    Raises:
        ValueError: if a batch has fewer than two rows: the estimate is then undefined.
    """
    n, m = z.shape[0], prior.shape[0]
    if n < 2 or m < 2:
        raise ValueError(f"mmd needs at least two latents and two prior draws, got {n} and {m}; use a larger batch")
    within_z = imq(z, z)
    within_prior = imq(prior, prior)
    across = imq(z, prior)
    return (
        (within_z.sum() - within_z.diagonal().sum()) / (n * (n - 1))  # eq. 3
        + (within_prior.sum() - within_prior.diagonal().sum()) / (m * (m - 1))
        - 2 * across.mean()
    )


def imq(x: Tensor, y: Tensor) -> Tensor:
    """The kernel of `mmd` between rows of x (n, d) and y (m, d), shape (n, m)."""
    # |x - y|^2 written as a matrix product: quicker than cdist, and its gradient is finite at distance 0.
    squared = (x.square().sum(1)[:, None] + y.square().sum(1)[None] - 2 * x @ y.T).clamp_min(0)  # (n, m)
    kernel = torch.zeros_like(squared)
    for scale in IMQ_SCALES:
        c = 2 * x.shape[1] * scale
        kernel += c / (c + squared)
    return kernel


def moments(z: Tensor) -> Tensor:
    """MMD between latents and N(0, I) with the kernel k(x, y) = (1 + x'y)^2, over d: that of mean and covariance.

    Of the kernel of `mmd`, the covariance moves the value by no more than the chance of a batch does. Here the prior's
    part is known exactly, E k(x, y) = 1 + |x|^2 and E k(y, y') = 1 + d, and the unbiased estimate of Gretton et al.
    (2012, eq. 3) is that of (2 |mean|^2 + |covariance + mean mean' - I|_F^2) / d.

    Args:
        z: latents, shape (n, d), n >= 2.

    Returns:
        A scalar, about 0 for N(0, I); (d - r) / d where only r dimensions are used.

    Raises:
        ValueError: if there are fewer than two rows.
    """
    n, d = z.shape
    if n < 2:
        raise ValueError(f"moments needs at least two latents, got {n}; use a larger batch")
    kernel = (1 + z @ z.T).square()
    within = (kernel.sum() - kernel.diagonal().sum()) / (n * (n - 1))
    return (within - 2 * (1 + z.square().sum(1).mean()) + 1 + d) / d


def kl(mean: Tensor, log_variance: Tensor, *, free_bits: float = 0.0) -> Tensor:
    """KL divergence of diagonal Gaussian posteriors from N(0, I), with free bits.

    Kingma & Welling (2014, appendix B); the free bits of Kingma et al. (2016, section 5.2, eq. 15): each dimension's
    KL, averaged over the batch, counts only above `free_bits`, so that a dimension is not switched off to save it.

    Args:
        mean: posterior means, shape (n, d).
        log_variance: logarithms of the posterior variances, shape (n, d).
        free_bits: nats per dimension that cost nothing.

    Returns:
        A scalar: nats per text, summed over dimensions.
    """
    per_dimension = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean(0)  # (d,)
    return per_dimension.clamp_min(free_bits).sum()


def gathered(z: Tensor) -> Tensor:
    """The latents of all processes, for the MMD of small pieces of a batch is not that of the batch.

    Args:
        z: this process's latents, shape (n, d), the same n in each process.

    Returns:
        The latents in the processes' order, shape (processes * n, d), differentiable; z itself where there is only one.
    """
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return z
    from torch.distributed.nn.functional import all_gather

    return torch.cat(all_gather(z))

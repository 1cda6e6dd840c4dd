"""What a linear probe says, as a step that texts could take."""

from __future__ import annotations

from torch import Tensor

from latentopt.directions.direction import Direction
from latentopt.directions.examples import Examples


def along_normal(examples: Examples, normal: Tensor, covariance: Tensor) -> Direction:
    """The direction C n of a probe's normal n, of the shortest length that tells as much as the mean difference does.

    Of all steps with one effect on the probe, that along C n is the likeliest one where latents have the covariance C:
    a probe's pattern, not its filter (Haufe et al. 2014, "On the interpretation of weight vectors", eq. 6). At
    strength 1 it moves the probe as far as the mean difference between sources and targets does.

    Args:
        examples: what the probe was fitted on. normal: (d,). covariance: (d, d).
    """
    pattern = covariance @ normal
    return examples.direction(pattern * (normal @ examples.mean()) / (normal @ pattern).clamp_min(1e-12))

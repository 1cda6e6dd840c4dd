"""The miner that is taken where none is named."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from latentopt.directions.miners.mean import Mean
from latentopt.directions.miners.shrunk import Shrunk
from latentopt.errors import LatentoptError

if TYPE_CHECKING:
    from latentopt.directions.miners.miner import Miner
    from latentopt.space import LatentSpace


def default_miner(space: LatentSpace) -> Miner:
    """Shrunk with the covariance of the space's density; the mean difference where there is no density."""
    try:
        return Shrunk(space.density.covariance)
    except LatentoptError as error:
        why = str(error).partition(";")[0]
        warnings.warn(f"{why}: the plain mean difference is taken, which needs more pairs", stacklevel=3)
        return Mean()

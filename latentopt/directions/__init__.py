"""Directions: what texts that differ in one way differ by, mined from pairs and applied to other texts."""

from __future__ import annotations

from latentopt.directions.direction import Direction
from latentopt.directions.find import bundled_names, find, locate
from latentopt.directions.mean_difference import Miner, mean_difference, paired, unpaired
from latentopt.directions.mining import Example, Mining, default_miner, mine
from latentopt.directions.shrunk_difference import ShrunkDifference
from latentopt.directions.split import folds_by_source, source_ids
from latentopt.directions.statistics import Consistency, consistency
from latentopt.directions.strength import Calibration, StrengthRow, calibrate
from latentopt.directions.transfer import AttributeTransfer

__all__ = [
    "AttributeTransfer",
    "Calibration",
    "Consistency",
    "Direction",
    "Example",
    "Miner",
    "Mining",
    "ShrunkDifference",
    "StrengthRow",
    "bundled_names",
    "calibrate",
    "consistency",
    "default_miner",
    "find",
    "folds_by_source",
    "locate",
    "mean_difference",
    "mine",
    "paired",
    "source_ids",
    "unpaired",
]

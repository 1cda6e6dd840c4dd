"""Directions: what texts that differ in one way differ by, mined from examples and applied to other texts."""

from __future__ import annotations

from latentopt.directions.auto import AutoEdit, edit_as_needed
from latentopt.directions.direction import Direction
from latentopt.directions.discovery import METHODS, Discovered, discover, independent, principal
from latentopt.directions.examples import Examples
from latentopt.directions.find import bundled, bundled_names, find, locate
from latentopt.directions.leakage import Leak, cleared, leakage, readings_of
from latentopt.directions.miners import (
    MINERS,
    DiscriminantProbe,
    LearnedMap,
    LogisticProbe,
    Mean,
    Miner,
    PrincipalComponents,
    Shrunk,
)
from latentopt.directions.mining import Example, Mining, default_miner, mine, mine_labelled
from latentopt.directions.offset import Offset
from latentopt.directions.pairs import Usable, usable_pairs, usable_texts
from latentopt.directions.reader import StyleReader, fit_style_reader
from latentopt.directions.split import Folds, folds_by_source, folds_by_text, source_ids
from latentopt.directions.stability import CurveRow, Stability, learning_curve, stability
from latentopt.directions.statistics import Consistency, consistency
from latentopt.directions.strength import Calibration, StrengthRow, calibrate, edited_by, warn_if_far
from latentopt.directions.transfer import AttributeTransfer
from latentopt.directions.verdict import Verdict

__all__ = [
    "METHODS",
    "MINERS",
    "AttributeTransfer",
    "AutoEdit",
    "Calibration",
    "Consistency",
    "CurveRow",
    "Direction",
    "Discovered",
    "DiscriminantProbe",
    "Example",
    "Examples",
    "Folds",
    "Leak",
    "LearnedMap",
    "LogisticProbe",
    "Mean",
    "Miner",
    "Mining",
    "Offset",
    "PrincipalComponents",
    "Shrunk",
    "Stability",
    "StrengthRow",
    "StyleReader",
    "Usable",
    "Verdict",
    "bundled",
    "bundled_names",
    "calibrate",
    "cleared",
    "consistency",
    "default_miner",
    "discover",
    "edit_as_needed",
    "edited_by",
    "find",
    "fit_style_reader",
    "folds_by_source",
    "folds_by_text",
    "independent",
    "leakage",
    "learning_curve",
    "locate",
    "mine",
    "mine_labelled",
    "principal",
    "readings_of",
    "source_ids",
    "stability",
    "usable_pairs",
    "usable_texts",
    "warn_if_far",
]

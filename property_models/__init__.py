"""Regressors and classifiers on vectors: scikit-learn estimators outside, differentiable torch inside.

They know numpy, torch and scikit-learn, and neither text nor latentopt. A fitted one is called a head. The names below
are loaded on first use: whoever imports `property_models.errors` need not wait for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from property_models.errors import HeadError
from property_models.families import (
    BOOSTING,
    COUNTS,
    FAMILIES,
    GAUSSIAN_PROCESS,
    GENERAL,
    MLP,
    ORDINAL,
    QUANTILE,
    RIDGE,
    Family,
)

if TYPE_CHECKING:
    from property_models.base import PropertyModel
    from property_models.boosting import BoostingClassifier, BoostingRegressor
    from property_models.classifier import Classifier
    from property_models.counts import NegativeBinomialHead
    from property_models.ensemble import MLPEnsembleClassifier, MLPEnsembleRegressor
    from property_models.gaussian_process import GaussianProcessHead
    from property_models.head import Head
    from property_models.linear import LogisticHead, RidgeHead
    from property_models.ordinal import OrdinalHead
    from property_models.quantile import QuantileHead
    from property_models.regressor import Regressor
    from property_models.state import State, head_of, rounded, state_of

__all__ = [
    "BOOSTING",
    "COUNTS",
    "FAMILIES",
    "GAUSSIAN_PROCESS",
    "GENERAL",
    "MLP",
    "ORDINAL",
    "QUANTILE",
    "RIDGE",
    "BoostingClassifier",
    "BoostingRegressor",
    "Classifier",
    "Family",
    "GaussianProcessHead",
    "Head",
    "HeadError",
    "LogisticHead",
    "MLPEnsembleClassifier",
    "MLPEnsembleRegressor",
    "NegativeBinomialHead",
    "OrdinalHead",
    "PropertyModel",
    "QuantileHead",
    "Regressor",
    "RidgeHead",
    "State",
    "head_of",
    "rounded",
    "state_of",
]

_FILES = {
    "base": ("PropertyModel",),
    "boosting": ("BoostingClassifier", "BoostingRegressor"),
    "classifier": ("Classifier",),
    "counts": ("NegativeBinomialHead",),
    "ensemble": ("MLPEnsembleClassifier", "MLPEnsembleRegressor"),
    "gaussian_process": ("GaussianProcessHead",),
    "head": ("Head",),
    "linear": ("LogisticHead", "RidgeHead"),
    "ordinal": ("OrdinalHead",),
    "quantile": ("QuantileHead",),
    "regressor": ("Regressor",),
    "state": ("State", "head_of", "rounded", "state_of"),
}
_HOMES = {name: f"property_models.{file}" for file, names in _FILES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value  # found by the ordinary way from now on
    return value


def __dir__() -> list[str]:
    return sorted(globals().keys() | _HOMES.keys())

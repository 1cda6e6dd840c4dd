"""Regressors and classifiers on vectors: scikit-learn estimators outside, differentiable torch inside.

They know numpy, torch and scikit-learn, and neither text nor latentopt. A fitted one is called a head. The names below
are loaded on first use: whoever imports `property_models.errors` need not wait for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from property_models.errors import HeadError
from property_models.families import FAMILIES, GENERAL, MLP, RIDGE, Family

if TYPE_CHECKING:
    from property_models.base import PropertyModel
    from property_models.classifier import Classifier
    from property_models.ensemble import MLPEnsembleClassifier, MLPEnsembleRegressor
    from property_models.head import Head
    from property_models.linear import LogisticHead, RidgeHead
    from property_models.regressor import Regressor
    from property_models.state import State, head_of, rounded, state_of

__all__ = [
    "FAMILIES",
    "GENERAL",
    "MLP",
    "RIDGE",
    "Classifier",
    "Family",
    "Head",
    "HeadError",
    "LogisticHead",
    "MLPEnsembleClassifier",
    "MLPEnsembleRegressor",
    "PropertyModel",
    "Regressor",
    "RidgeHead",
    "State",
    "head_of",
    "rounded",
    "state_of",
]

_FILES = {
    "base": ("PropertyModel",),
    "classifier": ("Classifier",),
    "ensemble": ("MLPEnsembleClassifier", "MLPEnsembleRegressor"),
    "head": ("Head",),
    "linear": ("LogisticHead", "RidgeHead"),
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

"""The families of heads: a new one is a file beside this one, and a line here."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

from property_models.errors import HeadError


class Family(NamedTuple):
    """What a family has for numbers and for classes, by the names of its file and of the classes in it."""

    about: str
    file: str
    regressor: str
    classifier: str


FAMILIES = {
    "ridge": Family("linear, logistic for classes", "linear", "RidgeHead", "LogisticHead"),
    "mlp": Family("an ensemble of small networks", "ensemble", "MLPEnsembleRegressor", "MLPEnsembleClassifier"),
}


def estimators_of(family: str) -> tuple[type[Any], type[Any]]:
    """The estimators of a family, for numbers and for classes: a Regressor and a Classifier.

    Raises:
        HeadError: if there is no such family.
    """
    if family not in FAMILIES:
        raise HeadError(f"a family of heads is one of {', '.join(FAMILIES)}, got {family!r}")
    _, file, regressor, classifier = FAMILIES[family]
    module = import_module(f"property_models.{file}")
    return getattr(module, regressor), getattr(module, classifier)

"""Regressors and classifiers on vectors: scikit-learn estimators outside, differentiable torch inside.

They know numpy, torch and scikit-learn, and neither text nor latentopt. A fitted one is called a head.
"""

from property_models.base import HeadError, PropertyModel
from property_models.ensemble import MLPEnsembleClassifier, MLPEnsembleRegressor
from property_models.linear import LogisticHead, RidgeHead
from property_models.report import classification_report, regression_report
from property_models.state import State, head_of, state_of

__all__ = [
    "HeadError",
    "LogisticHead",
    "MLPEnsembleClassifier",
    "MLPEnsembleRegressor",
    "PropertyModel",
    "RidgeHead",
    "State",
    "classification_report",
    "head_of",
    "regression_report",
    "state_of",
]

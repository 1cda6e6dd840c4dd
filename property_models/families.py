"""The families of heads, as values: a new one is a file beside this one, and a line here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from property_models.errors import HeadError

if TYPE_CHECKING:
    from property_models.base import PropertyModel


@dataclass(frozen=True)
class Family:
    """What a family is called, and what it has for numbers and for classes.

    file, regressor, classifier: names of its module and of the classes in it, imported when they are asked for; None
    where it has none.
    """

    name: str
    about: str
    file: str
    regressor: str | None
    classifier: str | None

    def estimator(self, *, of_classes: bool) -> type[PropertyModel]:
        """The estimator for numbers, or for classes.

        Raises:
            HeadError: if the family has none.
        """
        wanted = self.classifier if of_classes else self.regressor
        if wanted is None:
            what, other = ("classes", "numbers") if of_classes else ("numbers", "classes")
            raise HeadError(
                f"the family {self.name} is for {other}, but the values are {what}; take another family, or "
                f"read them as {other}"
            )
        found: type[PropertyModel] = getattr(import_module(f"property_models.{self.file}"), wanted)
        return found

    def estimators(self) -> list[type[PropertyModel]]:
        """All that it has."""
        return [
            self.estimator(of_classes=of_classes)
            for of_classes, name in ((False, self.regressor), (True, self.classifier))
            if name is not None
        ]


FAMILIES = (
    RIDGE := Family("ridge", "linear, logistic for classes", "linear", "RidgeHead", "LogisticHead"),
    MLP := Family("mlp", "an ensemble of small networks", "ensemble", "MLPEnsembleRegressor", "MLPEnsembleClassifier"),
    ORDINAL := Family("ordinal", "cumulative logit, for grades", "ordinal", "OrdinalHead", None),
    COUNTS := Family("negative-binomial", "for counts", "counts", "NegativeBinomialHead", None),
    QUANTILE := Family("quantile", "linear median and quantiles", "quantile", "QuantileHead", None),
    GAUSSIAN_PROCESS := Family(
        "gp", "a Gaussian process, for few rows; needs latentopt[gp]", "gaussian_process", "GaussianProcessHead", None
    ),
    BOOSTING := Family(
        "boosting", "trees, for searches without gradients", "boosting", "BoostingRegressor", "BoostingClassifier"
    ),
)
GENERAL = (RIDGE, MLP)  # for any values, smooth and quick: what a search looks through unless it is told

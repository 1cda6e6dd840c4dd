"""What a fitted head is, as values and arrays: all that is needed to write it down and to have it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from property_models.base import Classifier, Regressor
from property_models.errors import HeadError
from property_models.families import FAMILIES, estimators_of


@dataclass(frozen=True)
class State:
    """A fitted head. about: what JSON can hold. arrays: weights and the like, by name."""

    about: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def state_of(head: Regressor | Classifier, *, precision: type[np.floating[Any]] = np.float32) -> State:
    """The state of a fitted head, its weights in a precision; what comes back from `head_of` predicts alike."""
    about: dict[str, Any] = {
        "kind": head.kind,
        "features": head.n_features_in_,
        "parameters": head.get_params(),
        "quantiles": [[float(f"{x:.6g}") for x in row] for row in head.quantiles_],
    }
    arrays = {
        name: np.ascontiguousarray(tensor.detach().numpy(), dtype=precision) for name, tensor in head.tensors_.items()
    }
    if isinstance(head, Regressor):
        about |= {
            "offset": head.offset_,
            "score_scale": head.score_scale,
            "range": [float(x) for x in head._range],
            "grouped": head.grouped_,
        }
        arrays["residuals"] = np.asarray(head.residuals_, dtype=np.float32)
    else:
        about["classes"] = head.classes_.tolist()
    return State(about, arrays)


def head_of(state: State) -> Regressor | Classifier:
    """The fitted head of a state; a State is as good as the file that it comes from, so that all of it is doubted.

    Raises:
        HeadError: for a kind of head that is not known.
        KeyError, TypeError, ValueError, RuntimeError: for a state in which something is missing or does not fit.
    """
    about, arrays = state.about, dict(state.arrays)
    kinds = {estimator.kind: estimator for family in FAMILIES for estimator in estimators_of(family)}
    if about["kind"] not in kinds:
        raise HeadError(f"a head is one of {', '.join(kinds)}, got {about['kind']!r}")
    head: Regressor | Classifier = kinds[about["kind"]](**about["parameters"])
    head.n_features_in_ = about["features"]
    head.quantiles_ = np.array(about["quantiles"], dtype=np.float64)
    if isinstance(head, Regressor):
        head.residuals_ = arrays.pop("residuals").astype(np.float64)
        head.offset_, head.grouped_ = about["offset"], about["grouped"]
        head.score_scale_, head._range = about["score_scale"], np.array(about["range"])
    else:
        head.classes_ = np.array(about["classes"])
    head.tensors_ = {name: torch.tensor(array, dtype=torch.float64) for name, array in arrays.items()}
    with torch.no_grad():
        head.raw(torch.zeros(1, head.n_features_in_, dtype=torch.float64))  # weights of the wrong shape fail here
    return head

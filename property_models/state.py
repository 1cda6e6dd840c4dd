"""What a fitted head is, as values and arrays: all that is needed to write it down and to have it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from property_models.base import PropertyModel
from property_models.errors import HeadError
from property_models.families import FAMILIES
from property_models.head import Head

STEP = " step"  # ends the name of the steps of an array of bytes


@dataclass(frozen=True)
class State:
    """A fitted head. about: what JSON can hold. arrays: weights and the like, by name."""

    about: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def state_of(head: Head, *, in_bytes: bool = False) -> State:
    """The state of a fitted head; what comes back from `head_of` predicts alike.

    Args:
        head: fitted. in_bytes: weights in one byte each (see `rounded`), which is enough for many small ones, and not
            in float32.
    """
    model: Any = head
    more, arrays = model.about()
    about: dict[str, Any] = {
        "kind": model.kind,
        "features": model.n_features_in_,
        "parameters": model.get_params(),
        "quantiles": [[float(f"{x:.6g}") for x in row] for row in model.quantiles_],
        **more,
    }
    for name, tensor in model.tensors_.items():
        array = np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float32)
        if in_bytes and array.ndim == 2:
            arrays[name], arrays[name + STEP] = _as_bytes(array)
        else:
            arrays[name] = array
    return State(about, arrays)


def rounded(tensor: torch.Tensor) -> torch.Tensor:
    """A matrix as it comes back from being stored in bytes: multiples of a step for each row, of which 127 are most."""
    values, steps = _as_bytes(tensor.detach().numpy())
    return torch.tensor(values * steps, dtype=torch.float64)


def head_of(state: State) -> PropertyModel:
    """The fitted head of a state; a State is as good as the file that it comes from, so that all of it is doubted.

    Raises:
        HeadError: for a kind of head that is not known.
        KeyError, TypeError, ValueError, RuntimeError: for a state in which something is missing or does not fit.
    """
    about, arrays = state.about, dict(state.arrays)
    kinds = {estimator.kind: estimator for family in FAMILIES for estimator in family.estimators()}
    if about["kind"] not in kinds:
        raise HeadError(f"a head is one of {', '.join(kinds)}, got {about['kind']!r}")
    head = kinds[about["kind"]](**about["parameters"])
    head.n_features_in_ = about["features"]
    head.quantiles_ = np.array(about["quantiles"], dtype=np.float64)
    head.restore(about, arrays)
    steps = {name.removesuffix(STEP): arrays.pop(name) for name in list(arrays) if name.endswith(STEP)}
    head.tensors_ = {
        name: torch.tensor(array * steps[name] if name in steps else array, dtype=torch.float64)
        for name, array in arrays.items()
    }
    _try(head)
    return head


def _try(head: Any) -> None:
    """Use all of a head on a vector: what is of the wrong shape or kind fails here."""
    zeros = np.zeros((1, head.n_features_in_))
    with torch.no_grad():
        head.raw(torch.tensor(zeros))
    for part in head.properties:
        part.percentile(zeros)
        part.to_value(part.predict_score(zeros))
        np.asarray(part.score_range, dtype=np.float64)


def _as_bytes(array: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    steps = (np.abs(array).max(axis=1, keepdims=True) / 127).astype(np.float32)
    steps[steps == 0] = 1.0
    return np.round(array / steps).astype(np.int8), steps

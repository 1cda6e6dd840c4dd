"""A style reader as part of its direction's file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentopt.directions.reader import StyleReader
from latentopt.heads.reader import COUNTS

PREFIX = "reader."


def reader_tensors(reader: StyleReader) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What JSON holds of a reader, and its weights (a byte each) by the names that they have in the file."""
    from property_models import state_of

    state = state_of(reader.estimator, in_bytes=True)
    about = {**state.about, "unit": reader.unit, "counts": COUNTS}
    return about, {f"{PREFIX}{name}": torch.from_numpy(array) for name, array in state.arrays.items()}


def read_reader(about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> StyleReader:
    """The reader of what `reader_tensors` wrote.

    Raises:
        KeyError, TypeError, ValueError, RuntimeError: for what is damaged; ValueError also where words were counted
            otherwise.
    """
    from property_models import State, head_of

    if about["counts"] != COUNTS:
        raise ValueError(f"its reader counts {about['counts']!r}, where {COUNTS!r} is known")
    arrays = {name.removeprefix(PREFIX): tensor.numpy() for name, tensor in tensors.items() if name.startswith(PREFIX)}
    unit = float(about["unit"])
    if not unit > 0 or not np.isfinite(unit):
        raise ValueError(f"the unit of its reader must be above 0, got {unit}")
    return StyleReader(head_of(State(dict(about), arrays)), unit)

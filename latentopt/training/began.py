"""What a run began with: said in each checkpoint, and held against what it shall be gone on with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentopt.errors import LatentoptError, differences
from latentopt.training.recipe import Recipe, identity
from latentopt.training.starts import fingerprint

RUN = "run.json"  # in a checkpoint, beside model and tokenizer


def began_with(
    recipe: Recipe,
    texts: Sequence[str],
    valid_texts: Sequence[str],
    values: NDArray[np.float32] | None,
    *,
    processes: int,
) -> dict[str, Any]:
    """What a run is known by, as its checkpoints say it; each of its processes takes a batch a step."""
    teacher = None if recipe.teacher is None else f"{recipe.teacher.name} ({fingerprint(recipe.teacher)[:8]})"
    known = identity(recipe)
    return {
        "recipe": known | {"start": known["start"] | {"weights": recipe.start.weights()}, "teacher": teacher},
        "processes": processes,
        "texts": _digest(texts, values),
        "validation texts": _digest(valid_texts, None),
    }


def check_same(checkpoint: Path, began: dict[str, Any]) -> None:
    """Raise LatentoptError, with what differs, where a checkpoint is of another run."""
    try:
        said = json.loads((checkpoint / RUN).read_text())
        before = {key: said[key] for key in began}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LatentoptError(
            f"{checkpoint}: this checkpoint does not say of what run it is; "
            "choose another output folder, or begin anew: --restart"
        ) from error
    named = {"recipe": "", "texts": "texts with their values" if began["recipe"]["properties"] else "texts"}
    found = [line for key in began for line in differences(before[key], began[key], named.get(key, key))]
    if found:
        raise LatentoptError(
            f"{checkpoint.parent} holds a run of another kind ({'; '.join(found)}); "
            "go on with what it began with, choose another output folder, or begin anew: --restart"
        )


def _digest(texts: Sequence[str], values: NDArray[np.float32] | None) -> str:
    """Number of texts, and what they and their values, if any, are known by."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    if values is not None:
        digest.update(np.ascontiguousarray(values, dtype=np.float32).tobytes())
    return f"{len(texts):,} texts ({digest.hexdigest()[:8]})"

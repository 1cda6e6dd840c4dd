"""Heads on disk: head.json and head.safetensors, with the fingerprint of the space that they were fitted on."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from property_models.base import Classifier, HeadError, Regressor
from property_models.ensemble import MLPEnsembleClassifier, MLPEnsembleRegressor
from property_models.linear import LogisticHead, RidgeHead

KINDS: dict[str, type[Regressor] | type[Classifier]] = {
    cls.kind: cls for cls in (RidgeHead, LogisticHead, MLPEnsembleRegressor, MLPEnsembleClassifier)
}
VERSION = 1


def save(
    head: Regressor | Classifier,
    directory: str | Path,
    *,
    name: str,
    space: str,
    metrics: Mapping[str, Any] | None = None,
    stem: str = "head",
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a fitted head into a directory, whole or not at all; an earlier head there is replaced.

    Args:
        head: fitted. directory: where. name: of the property, such as likes.
        space: fingerprint of the space whose vectors it was fitted on. metrics: what was measured, for the record.
        stem: of the two files' names. dtype: of the stored weights.
    """
    directory = Path(directory)
    about: dict[str, Any] = {
        "version": VERSION,
        "name": name,
        "kind": head.kind,
        "space": space,
        "features": head.n_features_in_,
        "parameters": head.get_params(),
        "metrics": dict(metrics or {}),
    }
    tensors = {k: v.to(dtype).contiguous() for k, v in head.tensors_.items()}
    if isinstance(head, Regressor):
        about |= {
            "offset": head.offset_,
            "score_scale": head.score_scale,
            "range": [float(x) for x in head._range],
            "grouped": head.grouped_,
        }
        tensors["residuals"] = torch.tensor(head.residuals_, dtype=torch.float32)
    else:
        about["classes"] = head.classes_.tolist()
    temporary = directory.with_name(f".{directory.name}.{secrets.token_hex(4)}.tmp")
    temporary.mkdir(parents=True)
    try:
        (temporary / f"{stem}.json").write_text(json.dumps(about, indent=2, ensure_ascii=False))
        save_file(tensors, temporary / f"{stem}.safetensors")
        for file in temporary.iterdir():
            with file.open("rb") as open_file:
                os.fsync(open_file.fileno())
        directory.mkdir(parents=True, exist_ok=True)
        for file in temporary.iterdir():
            os.replace(file, directory / file.name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def load(directory: str | Path, *, space: str | None, stem: str = "head") -> Regressor | Classifier:
    """Read a head.

    Args:
        directory: what `save` wrote. space: fingerprint of the space that it shall work on; None does not check.
        stem: of the two files' names, as `save` was given it.

    Raises:
        HeadError: if there is no head, if its files are damaged, or if it was fitted on another space.
    """
    directory = Path(directory)
    try:
        about = json.loads((directory / f"{stem}.json").read_text())
        if about["version"] != VERSION or about["kind"] not in KINDS:
            raise HeadError(f"{directory}: this head was written by another version; fit it again")
        if space is not None and about["space"] != space:
            raise HeadError(
                f"{directory}: the head {about['name']!r} was fitted on another latent space ({about['space']}) "
                f"than this one ({space}); fit it again on this model"
            )
        tensors = load_file(directory / f"{stem}.safetensors")
        head = KINDS[about["kind"]](**about["parameters"])
        head.name, head.metrics, head.n_features_in_ = about["name"], about["metrics"], about["features"]
        if isinstance(head, Regressor):
            head.residuals_ = tensors.pop("residuals").double().numpy()
            head.offset_, head.grouped_ = about["offset"], about["grouped"]
            head.score_scale_, head._range = about["score_scale"], np.array(about["range"])
        else:
            head.classes_ = np.array(about["classes"])
        head.tensors_ = {k: v.double() for k, v in tensors.items()}
        with torch.no_grad():
            head.raw(torch.zeros(1, head.n_features_in_, dtype=torch.float64))  # tensors of the wrong shape fail here
    except FileNotFoundError as error:
        raise HeadError(
            f"{directory}: a {stem} is a directory with {stem}.json and {stem}.safetensors, made by 'latentopt fit'; "
            f"{Path(error.filename).name if error.filename else 'a file'} is missing"
        ) from error
    except HeadError:
        raise
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        raise HeadError(f"{directory}: the head is damaged ({error}); copy it or fit it again") from error
    return head


def names_in(directory: str | Path) -> list[str]:
    """Names of the heads that lie in the folders of a directory."""
    return sorted(path.parent.name for path in Path(directory).glob("*/head.json"))

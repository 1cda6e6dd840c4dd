"""Heads on disk: a folder with head.json and head.safetensors, and the fingerprint of the space that they belong to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentopt.errors import LatentoptError
from latentopt.tables import atomic_update

if TYPE_CHECKING:
    from property_models import Head, PropertyModel

VERSION = 2
STEMS = ("head", "reader", "stacked")  # each belongs to those before it


def files_of(*stems: str) -> set[str]:
    """Names of the files of heads in a folder."""
    return {f"{stem}.{suffix}" for stem in stems for suffix in ("json", "safetensors")}


def save_head(
    head: Head,
    directory: str | Path,
    *,
    name: str,
    space: str,
    metrics: Mapping[str, Any] | None = None,
    stem: str = "head",
    in_bytes: bool = False,
) -> None:
    """Write a fitted head into a folder, whole or not at all; an earlier head there is replaced.

    A reader and a stack that lie there belong to the earlier head, and are removed: save them after the head. All else
    stays.

    Args:
        head: fitted. directory: where. name: of the property, such as likes.
        space: fingerprint of the space whose vectors it was fitted on. metrics: what was measured, for the record.
        stem: of the names of its two files: "head", "reader" or "stacked". Those that come later in this order go with
            the earlier one. in_bytes: weights of a byte each (see `property_models.state_of`).

    Raises:
        HeadError: for one class of a head.
    """
    from safetensors.numpy import save_file

    from property_models import state_of

    state = state_of(head, in_bytes=in_bytes)
    about = {"version": VERSION, "name": name, "space": space, **state.about, "metrics": dict(metrics or {})}
    with atomic_update(directory, void=files_of(*STEMS[STEMS.index(stem) + 1 :])) as temporary:
        (temporary / f"{stem}.json").write_text(json.dumps(about, indent=2, ensure_ascii=False), encoding="utf-8")
        save_file(state.arrays, temporary / f"{stem}.safetensors")


def read_head(directory: str | Path, *, space: str | None, stem: str = "head") -> PropertyModel:
    """Read what `save_head` wrote.

    Args:
        directory: the folder. space: fingerprint of the space that it shall work on; None takes any.
        stem: of the names of its two files.

    Raises:
        LatentoptError: if there is no head, if its files are damaged, or if it was fitted on another space.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    from property_models import HeadError, State, head_of

    directory = Path(directory)
    try:
        about = json.loads((directory / f"{stem}.json").read_text(encoding="utf-8"))
        if about["version"] != VERSION:
            raise LatentoptError(
                f"{directory}: a {stem} of version {about['version']!r}, where {VERSION} is known; fit it again"
            )
        if space is not None and about["space"] != space:
            raise LatentoptError(
                f"{directory}: the {stem} {about['name']!r} was fitted on another latent space ({about['space']}) "
                f"than this one ({space}); fit it again on this model"
            )
        head = head_of(State(about, load_file(directory / f"{stem}.safetensors")))
        head.name, head.metrics = about["name"], about["metrics"]
    except FileNotFoundError as error:
        raise LatentoptError(
            f"{directory}: a {stem} is a directory with {stem}.json and {stem}.safetensors, made by 'latentopt fit'; "
            f"{Path(error.filename).name if error.filename else 'a file'} is missing"
        ) from error
    except (HeadError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        raise LatentoptError(f"{directory}: the {stem} is damaged ({error}); copy it or fit it again") from error
    return head


def space_of(directory: str | Path) -> str | None:
    """Fingerprint of the space that a head was fitted on; None where a folder holds no head."""
    try:
        about: dict[str, Any] = json.loads((Path(directory) / "head.json").read_text(encoding="utf-8"))
        return str(about["space"])
    except (OSError, KeyError, TypeError, ValueError):
        return None


def names_in(directory: str | Path) -> list[str]:
    """Names of the heads that lie in the folders of a directory, sorted."""
    folders = (path.parent.name for path in Path(directory).glob("*/head.json"))
    return sorted(name for name in folders if not name.startswith("."))  # what a killed writer left is no head

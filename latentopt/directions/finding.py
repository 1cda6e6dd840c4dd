"""Find a direction by its file, or by the name it has in the model's directory."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from latentopt.directions.direction import Direction
from latentopt.errors import LatentoptError

if TYPE_CHECKING:
    from latentopt.space import LatentSpace

SUFFIX = ".safetensors"


def bundled_names(space: LatentSpace) -> list[str]:
    """Names of the directions that came with the model, sorted."""
    if space.path is None:
        return []
    names = (file.stem for file in (space.path / "directions").glob(f"*{SUFFIX}"))
    return sorted(name for name in names if not name.startswith("."))  # what a killed writer left is no direction


def bundled(name: str, space: LatentSpace) -> Direction:
    """Load a direction that came with the model, whatever lies in this folder; `name` is one of `bundled_names`."""
    assert space.path is not None  # it has names
    return Direction.from_pretrained(space.path / "directions" / f"{name}{SUFFIX}", space=space.fingerprint)


def find(name_or_path: str | Path, space: LatentSpace) -> Direction:
    """Load a direction of a space; see `locate`."""
    return locate(name_or_path, space)[0]


def locate(name_or_path: str | Path, space: LatentSpace) -> tuple[Direction, Path | None]:
    """Load a direction of a space, and say which file was taken; None for one that came with the model.

    A Path, or what has a folder or ends in .safetensors, is that file. A name is ./NAME.safetensors where that fits the
    space, else the direction that came with the model: a file of another model's in this folder hides nothing; one that
    is passed over is warned of. Heads are found in the same order.

    Raises:
        LatentoptError: if there is none, if the file is damaged, or if it belongs to another space.
    """
    exact = Path(name_or_path)
    name = str(name_or_path)
    if isinstance(name_or_path, Path) or (exact.is_file() and (exact.suffix == SUFFIX or exact.name != name)):
        return Direction.from_pretrained(exact, space=space.fingerprint), exact
    names = bundled_names(space)
    here = Path(f"{name}{SUFFIX}")
    if here.is_file():  # what `latentopt direction --name` wrote
        try:
            return Direction.from_pretrained(here, space=space.fingerprint), here
        except LatentoptError:
            if name not in names:
                raise
        warnings.warn(
            f"{name}: the direction in ./{here} is damaged or of another latent space, and the model's own is taken; "
            "use that direction with the model it was mined with, or rename the file",
            stacklevel=3,
        )
    if name in names:
        return bundled(name, space), None
    known = f"this model knows {', '.join(names)}" if names else "this model came with none"
    raise LatentoptError(
        f"{name_or_path}: there is no such direction file, and {known}; 'latentopt direction --pairs FILE' makes one"
    )

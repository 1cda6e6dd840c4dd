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


def bundled_directions(space: LatentSpace) -> dict[str, Path]:
    """Names and files of the directions that came with the model, sorted."""
    if space.path is None:
        return {}
    files = sorted((space.path / "directions").glob(f"*{SUFFIX}"))
    return {file.stem: file for file in files if not file.name.startswith(".")}  # what a killed writer left is none


def load_direction(name_or_path: str | Path, space: LatentSpace) -> Direction:
    """Load a direction of a space: a file made by `latentopt direction`, or the name of one that came with the model.

    A Path is always a file.

    Raises:
        LatentoptError: if there is none, if the file is damaged, or if it belongs to another space.
    """
    return Direction.from_pretrained(direction_file(name_or_path, space), space=space.fingerprint)


def direction_file(name_or_path: str | Path, space: LatentSpace) -> Path:
    """The file of a direction; raises LatentoptError if there is none.

    A Path, or what has a folder or ends in .safetensors, is that file. A name is ./NAME.safetensors where that fits the
    space, else the direction that came with the model: a file of another model's in this folder hides nothing; one that
    is passed over is warned of. Heads are found in the same order.
    """
    exact = Path(name_or_path)
    name = str(name_or_path)
    if isinstance(name_or_path, Path) or (exact.is_file() and (exact.suffix == SUFFIX or exact.name != name)):
        return exact
    bundled = bundled_directions(space)
    of_the_model = bundled.get(name)
    here = Path(f"{name}{SUFFIX}")
    if here.is_file() and (of_the_model is None or _fits(here, space)):
        return here  # what `latentopt direction --name` wrote
    if of_the_model is not None:
        if here.is_file():
            warnings.warn(
                f"{name}: the direction in ./{here} is damaged or of another latent space, and the model's own is "
                "taken; use that direction with the model it was mined with, or rename the file",
                stacklevel=3,
            )
        return of_the_model
    known = f"this model knows {', '.join(bundled)}" if bundled else "this model came with none"
    raise LatentoptError(
        f"{name_or_path}: there is no such direction file, and {known}; 'latentopt direction --pairs FILE' makes one"
    )


def _fits(file: Path, space: LatentSpace) -> bool:
    try:
        Direction.from_pretrained(file, space=space.fingerprint)
    except LatentoptError:
        return False
    return True

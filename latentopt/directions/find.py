"""Find a direction by its file, or by the name it has in the model's directory."""

from __future__ import annotations

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


def find(name_or_path: str | Path, space: LatentSpace) -> Direction:
    """Load a direction of a space: a file, or the name of one that came with the model.

    Raises:
        LatentoptError: if there is none, if the file is damaged, or if it belongs to another space.
    """
    for path in (Path(name_or_path), Path(f"{name_or_path}{SUFFIX}")):  # what `latentopt direction --name` wrote here
        if path.is_file():
            return Direction.from_pretrained(path, space=space.fingerprint)
    names = bundled_names(space)
    if space.path is not None and str(name_or_path) in names:
        return Direction.from_pretrained(space.path / "directions" / f"{name_or_path}{SUFFIX}", space=space.fingerprint)
    known = f"this model knows {', '.join(names)}" if names else "this model came with none"
    raise LatentoptError(
        f"{name_or_path}: there is no such direction file, and {known}; 'latentopt direction --pairs FILE' makes one"
    )

"""Find a fitted property by its directory, or by the name it has in the model's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from latentopt.errors import LatentoptError
from latentopt.heads.storage import names_in, read_head, space_of

if TYPE_CHECKING:
    from latentopt.heads.fitted import Fitted
    from latentopt.space import LatentSpace
    from property_models import PropertyModel


def bundled_heads(space: LatentSpace) -> dict[str, Path]:
    """Names and directories of the heads that came with the model, sorted."""
    if space.path is None:
        return {}
    return {name: space.path / "heads" / name for name in names_in(space.path / "heads")}


def load_head(name_or_path: str | Path, space: LatentSpace) -> PropertyModel:
    """Load a head of a space: a directory made by `latentopt fit`, or the name of one that came with the model.

    Raises:
        LatentoptError: if there is none, if its files are damaged, or if it was fitted on another space.
    """
    return read_head(head_directory(name_or_path, space), space=space.fingerprint)


def load_fitted(name_or_path: str | Path, space: LatentSpace) -> Fitted:
    """Load a head with its reader and both stacked, if they lie beside it; found, and raises, as `load_head`."""
    from latentopt.heads.fitted import Fitted

    return Fitted.from_pretrained(head_directory(name_or_path, space), space=space)


def head_directory(name_or_path: str | Path, space: LatentSpace) -> Path:
    """Where a head and what belongs to it lie; raises LatentoptError if there is none.

    A name is that folder here, if it is a head of the space, else the head that came with the model: a folder of the
    same name, such as a head of another model's, hides nothing.
    """
    path = Path(name_or_path)
    bundled = bundled_heads(space)
    of_the_model = bundled.get(str(name_or_path))
    if path.is_dir() and (of_the_model is None or space_of(path) == space.fingerprint):
        return path
    if of_the_model is not None:
        return of_the_model
    known = f"this model knows {', '.join(bundled)}" if bundled else "this model came with none"
    raise LatentoptError(
        f"{name_or_path}: there is no such head, and {known}; 'latentopt fit NAME FILE --value COLUMN' makes one"
    )

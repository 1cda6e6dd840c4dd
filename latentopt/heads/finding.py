"""Find a fitted property by its directory, or by the name it has in the model's."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from latentopt.errors import LatentoptError
from latentopt.heads.storage import names_in, read_head, space_of

if TYPE_CHECKING:
    from latentopt.heads.property import Fitted
    from latentopt.space import LatentSpace
    from property_models import PropertyModel


def bundled_heads(space: LatentSpace) -> dict[str, Path]:
    """Names and directories of the heads that came with the model, sorted."""
    if space.path is None:
        return {}
    return {name: space.path / "heads" / name for name in names_in(space.path / "heads")}


def load_head(name_or_path: str | Path, space: LatentSpace) -> PropertyModel:
    """Load a head of a space: a directory made by `latentopt fit`, or the name of one that came with the model.

    A Path is always a directory.

    Raises:
        LatentoptError: if there is none, if its files are damaged, or if it was fitted on another space.
    """
    return read_head(head_directory(name_or_path, space), space=space.fingerprint)


def load_fitted(name_or_path: str | Path, space: LatentSpace) -> Fitted:
    """Load a head with its reader and both stacked, if they lie beside it; found, and raises, as `load_head`.

    Warns where they told no texts apart that they had not seen: what is shown is then the same for all.
    """
    from latentopt.heads.property import Fitted

    fitted = Fitted.from_pretrained(head_directory(name_or_path, space), space=space)
    if fitted.says_nothing:
        warnings.warn(
            f"{name_or_path}: head and reader could not tell texts apart that they had not seen, so that the same is "
            "predicted for all; fit it on more rows",
            stacklevel=2,
        )
    return fitted


def head_directory(name_or_path: str | Path, space: LatentSpace) -> Path:
    """Where a head and what belongs to it lie; raises LatentoptError if there is none.

    A Path is that folder, and nothing else. A str may be a name: then it is that folder here, if it is a head of the
    space, else the head that came with the model. A folder of the same name, such as a head of another model's, hides
    nothing; a head that is passed over is warned of.
    """
    path = Path(name_or_path)
    if isinstance(name_or_path, Path):
        return path  # who names a place wants what lies there: what is wrong with it is said when it is read
    bundled = bundled_heads(space)
    of_the_model = bundled.get(name_or_path)
    if path.is_dir() and (of_the_model is None or space_of(path) == space.fingerprint):
        return path
    if of_the_model is not None:
        if (path / "head.json").exists():
            warnings.warn(
                f"{name_or_path}: the head in ./{name_or_path} is damaged or of another latent space, and the model's "
                "own is taken; use that head with the model it was fitted on, or rename the folder",
                stacklevel=3,
            )
        return of_the_model
    known = f"this model knows {', '.join(bundled)}" if bundled else "this model came with none"
    raise LatentoptError(
        f"{name_or_path}: there is no such head, and {known}; 'latentopt fit NAME FILE --value COLUMN' makes one"
    )

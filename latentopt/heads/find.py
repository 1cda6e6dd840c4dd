"""Find a head, and its reader, by their directory, or by the name they have in the model's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from latentopt.errors import LatentoptError
from latentopt.heads.storage import names_in, read_head

if TYPE_CHECKING:
    from latentopt.heads.reader import Reader
    from latentopt.heads.stacked import Stacked
    from latentopt.space import LatentSpace
    from property_models.base import Classifier, Regressor


def bundled_heads(space: LatentSpace) -> list[str]:
    """Names of the heads that came with the model, sorted."""
    return [] if space.path is None else names_in(space.path / "heads")


def bundled_head(name: str, space: LatentSpace) -> Regressor | Classifier:
    """Load a head that came with the model; raises as `read_head`."""
    return read_head(Path(space.path or ".") / "heads" / name, space=space.fingerprint)


def load_head(name_or_path: str | Path, space: LatentSpace) -> Regressor | Classifier:
    """Load a head of a space: a directory made by `latentopt fit`, or the name of one that came with the model.

    Raises:
        LatentoptError: if there is none, if its files are damaged, or if it was fitted on another space.
    """
    return read_head(head_directory(name_or_path, space), space=space.fingerprint)


def load_reader(name_or_path: str | Path, space: LatentSpace) -> Reader | None:
    """Load the reader that lies beside a head, which is found as `load_head` finds it; None if it has none.

    Raises:
        LatentoptError: if there is no such head, or if the reader's files are damaged.
    """
    from latentopt.heads.reader import Reader

    directory = head_directory(name_or_path, space)
    return Reader.from_pretrained(directory) if (directory / "reader.json").exists() else None


def load_stacked(name_or_path: str | Path, space: LatentSpace) -> Stacked | None:
    """Load a head and its reader, stacked: the value that is shown. None if the head has no reader beside it.

    Raises:
        LatentoptError: as `load_head`, and if the files of reader or stack are damaged.
    """
    from latentopt.heads.stacked import Stacked

    directory = head_directory(name_or_path, space)
    reader = load_reader(directory, space)
    if reader is None:
        return None
    return Stacked.from_pretrained(directory, load_head(directory, space), reader)


def head_directory(name_or_path: str | Path, space: LatentSpace) -> Path:
    """Where a head and what belongs to it lie; raises LatentoptError if there is none."""
    path = Path(name_or_path)
    if path.is_dir():
        return path
    names = bundled_heads(space)
    if str(name_or_path) in names:
        return Path(space.path or ".") / "heads" / str(name_or_path)
    known = f"this model knows {', '.join(names)}" if names else "this model came with none"
    raise LatentoptError(
        f"{name_or_path}: there is no such head, and {known}; 'latentopt fit NAME FILE --value COLUMN' makes one"
    )

"""Latents that were kept in files: encoding is what the time goes into, and one file may teach several heads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentopt.errors import LatentoptError
from latentopt.tables import sources_of

if TYPE_CHECKING:
    from latentopt.space.space import LatentSpace

TEXT, LATENT = "text", "z"  # the columns that `latentopt encode --output` writes
CHECKED = 16  # latents that are computed again
APART = 0.1  # of a latent's length: bf16 and other machines are ten times as near, other models ten times as far
ROWS = 4096  # that are held at a time
Array = NDArray[np.float32]


def kept_latents(space: LatentSpace, texts: Sequence[str], path: str | Path) -> tuple[Array, int]:
    """Pooled latents of texts, out of what `latentopt encode --output` wrote; those that are not there are encoded.

    A few that are taken are encoded, too: those of another model are told by that.

    Args:
        space: whose latents they are.
        texts: n texts. They are found by what they say, whatever their order.
        path: a .parquet file, a folder of such, or a pattern.

    Returns:
        Latents (n, m), and how many texts were not there.

    Raises:
        LatentoptError: if there is no such file, it holds no latents, none of these texts, or latents of another model.
    """
    place = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    found, z = np.zeros(len(place), dtype=bool), np.empty((len(place), space.pooled_dim), dtype=np.float32)
    for there, latents in _read(path, space.latent_dim):
        taken = [(place[text], row) for row, text in enumerate(there) if text in place]
        if taken:
            into, rows = np.array(taken).T
            z[into], found[into] = latents[rows, : space.pooled_dim], True
    if not found.any():
        raise LatentoptError(f"{path}: it holds none of the {len(place):,} texts; encode the file that these are of")
    distinct, known = list(place), np.flatnonzero(found)
    _check(space, distinct, z, known[np.linspace(0, len(known) - 1, min(CHECKED, len(known))).astype(int)], path)
    missing = np.flatnonzero(~found)
    if len(missing):
        z[missing] = space.pooled(space.encode([distinct[i] for i in missing])).numpy()
    index = np.array([place[text] for text in texts])
    return z[index], int((~found)[index].sum())


def check_kept(space: LatentSpace, path: str | Path) -> None:
    """Raise LatentoptError if a file, or a folder of such, holds no latents of this model, by its first ones."""
    for texts, latents in _read(path, space.latent_dim):
        known = [i for i, text in enumerate(texts) if text][:CHECKED]
        if known:
            z = latents[known, : space.pooled_dim]
            return _check(space, [str(texts[i]) for i in known], z, np.arange(len(known)), path)
    raise LatentoptError(f"{path}: it holds no latents; `latentopt encode --output` writes them")


def _read(path: str | Path, latent_dim: int) -> Iterator[tuple[list[str | None], Array]]:
    """Texts and latents (rows, d), some rows at a time; those that could not be encoded are left out."""
    import pyarrow
    import pyarrow.parquet

    for source in sources_of(path):
        if source.suffix != ".parquet":
            raise LatentoptError(
                f"{source.name}: latents are read from .parquet; `latentopt encode --output` writes it"
            )
        with source.open_seekable() as stream:
            try:
                file = pyarrow.parquet.ParquetFile(stream)
                if not {TEXT, LATENT} <= set(file.schema_arrow.names):
                    raise LatentoptError(
                        f"{source.name}: there are no columns {TEXT!r} and {LATENT!r}; `latentopt encode --output` "
                        "writes them"
                    )
                for batch in file.iter_batches(batch_size=ROWS, columns=[TEXT, LATENT]):
                    sound = batch.filter(batch[LATENT].is_valid())
                    yield sound[TEXT].to_pylist(), _vectors(sound[LATENT], latent_dim, source.name)
            except (pyarrow.ArrowException, OSError) as error:
                raise LatentoptError(f"{source.name}: not a Parquet file that can be read: {error}") from error


def _vectors(column: Any, latent_dim: int, name: str) -> Array:
    """Latents (rows, d) of a column of lists."""
    try:
        numbers = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
        vectors = numbers.reshape(len(column), latent_dim)
    except (AttributeError, ValueError, TypeError) as error:
        raise LatentoptError(
            f"{name}: {LATENT!r} holds no latents of {latent_dim} numbers, as this model has"
        ) from error
    if not np.isfinite(vectors).all():
        raise LatentoptError(f"{name}: latents must be finite numbers, but some are infinite or not a number")
    return vectors


def _check(space: LatentSpace, texts: Sequence[str], z: Array, rows: NDArray[np.intp], path: str | Path) -> None:
    real = space.pooled(space.encode([texts[i] for i in rows])).numpy()
    far = np.linalg.norm(z[rows] - real, axis=1) > APART * np.linalg.norm(real, axis=1)
    if far.any():
        raise LatentoptError(f"{path}: these are latents of another model; encode the texts with this one")

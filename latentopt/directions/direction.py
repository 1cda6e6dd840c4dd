"""Direction: a step in one latent space, as a value with + - *, and its file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from latentopt.directions.offset import Offset
from latentopt.directions.reader import StyleReader
from latentopt.directions.storage import read_reader, reader_tensors
from latentopt.errors import LatentoptError
from latentopt.tables import atomic_write

FORMAT = "latentopt.direction"
VERSION, VERSIONS = "2", ("1", "2")  # that is written, and those that are read
OFFSET = ("offset.reads", "offset.bias", "offset.writes")
PARALLEL = 1e-4  # of a direction's length: what is left of one that lay in the other's span is rounding


@dataclass(frozen=True, eq=False)
class Direction:
    """A step in a latent space, such as the mean difference between civil texts and their rude sources.

    Directions of one space add up: `civil + 0.5 * positive`, `-civil`. The result is a new direction named after its
    parts. A multiple keeps the default strength, a sum takes the mean of the two; statistics and readers, which were
    measured for the parts, are left behind.

    Args:
        vector: the step at strength 1, shape (d,), finite. It is copied.
        name: what a person calls it.
        space: fingerprint of the latent space that it belongs to.
        strength: default multiple of `vector`; a miner's calibration sets it.
        statistics: what was measured when it was mined; anything that JSON can hold.
        basis: the subspace in which it lies, orthonormal rows (k, d), where a miner found one.
        offset: what a learned map adds to the vector, text by text.
        reader: tells by the words whether a text has what the direction gives.

    Raises:
        LatentoptError: if the vector has another shape or a value that is not finite, if the strength is not
            finite, or if JSON cannot hold the statistics.
    """

    vector: Tensor
    name: str = field(kw_only=True)
    space: str = field(kw_only=True)
    strength: float = field(default=1.0, kw_only=True)
    statistics: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    basis: Tensor | None = field(default=None, kw_only=True)
    offset: Offset | None = field(default=None, kw_only=True)
    reader: StyleReader | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        vector = torch.as_tensor(self.vector).detach().to("cpu", torch.float32, copy=True)
        if vector.ndim != 1 or not len(vector) or not torch.isfinite(vector).all():
            raise LatentoptError(
                f"direction {self.name}: the vector must be finite numbers of shape (d,), got {tuple(vector.shape)}"
                + (" with some that are not finite" if vector.ndim == 1 and len(vector) else "")
            )
        if not math.isfinite(self.strength):
            raise LatentoptError(f"direction {self.name}: the strength must be a finite number, got {self.strength}")
        try:
            statistics = json.loads(json.dumps(dict(self.statistics), allow_nan=False))
        except (TypeError, ValueError) as error:
            raise LatentoptError(f"direction {self.name}: JSON cannot hold the statistics: {error}") from error
        basis = self.basis
        if basis is not None and (basis.ndim != 2 or basis.shape[1] != len(vector) or not torch.isfinite(basis).all()):
            raise LatentoptError(
                f"direction {self.name}: its subspace must be finite rows (k, {len(vector)}), got {tuple(basis.shape)}"
            )
        object.__setattr__(self, "vector", vector)
        object.__setattr__(self, "strength", float(self.strength))
        object.__setattr__(self, "statistics", statistics)

    def at(self, z: Tensor) -> Tensor:
        """The steps (n, d) at strength 1 from latents z (n, d): the vector, and what a learned map adds to it."""
        vector = self.vector.to(z).expand(len(z), -1)
        return vector if self.offset is None else vector + self.offset(z)

    def apply(self, z: Tensor, *, strength: float | None = None) -> Tensor:
        """Move latents along the direction.

        Args:
            z: latents, shape (n, d).
            strength: multiple of `vector`; negative goes the other way. None: the default one of this direction.

        Returns:
            z + strength * at(z), shape (n, d).

        Raises:
            LatentoptError: if z has another shape, or the strength is not finite.
        """
        strength = self.strength if strength is None else float(strength)
        if z.ndim != 2 or z.shape[1] != len(self.vector):
            raise LatentoptError(
                f"direction {self.name} moves latents of shape (n, {len(self.vector)}), got {tuple(z.shape)}"
            )
        if not math.isfinite(strength):
            raise LatentoptError(f"the strength must be a finite number, got {strength}; try 1")
        return z + strength * self.at(z)

    def readers(self) -> dict[str, StyleReader]:
        """The reader by the direction's name, as `TextEditor` takes it; none where there is none."""
        return {} if self.reader is None else {self.name: self.reader}

    def __add__(self, other: Direction) -> Direction:
        if not isinstance(other, Direction):
            return NotImplemented
        return self._sum(other, 1.0, "+")

    def __sub__(self, other: Direction) -> Direction:
        if not isinstance(other, Direction):
            return NotImplemented
        return self._sum(other, -1.0, "-")

    def __mul__(self, factor: float) -> Direction:
        if not isinstance(factor, Real):
            return NotImplemented
        return self._times(float(factor), f"{float(factor):g} {_term(self.name)}")

    __rmul__ = __mul__

    def __neg__(self) -> Direction:
        return self._times(-1.0, f"-{_term(self.name)}")

    def orthogonalize(self, other: Direction) -> Direction:
        """This direction without what lies along another: in the other's subspace, where it has one.

        Raises:
            LatentoptError: if the other belongs to another space, or nothing is left.
        """
        self.check_space(other.space)
        basis = F.normalize(other.vector, dim=0)[None] if other.basis is None else other.basis
        away = torch.eye(len(self.vector)) - basis.T @ basis  # symmetric, (d, d)
        vector = away @ self.vector
        if vector.norm() <= PARALLEL * self.vector.norm():
            raise LatentoptError(
                f"direction {self.name} lies along {other.name}, so that nothing of it is left without that; "
                "take another direction"
            )
        return Direction(
            vector,
            name=f"{self.name} without {_term(other.name)}",
            space=self.space,
            strength=self.strength,
            offset=None if self.offset is None else self.offset.written(away),
        )

    def cosine(self, other: Direction) -> float:
        """Cosine of the two vectors; LatentoptError if the other belongs to another space."""
        self.check_space(other.space)
        return float(F.cosine_similarity(self.vector, other.vector, dim=0))

    def __repr__(self) -> str:
        norm = self.vector.norm()
        return f"Direction({self.name!r}, d={len(self.vector)}, norm={norm:.3g}, strength={self.strength:g})"

    def _sum(self, other: Direction, sign: float, symbol: str) -> Direction:
        self.check_space(other.space)
        mine, theirs = self.offset, None if other.offset is None else other.offset * sign
        return Direction(
            self.vector + sign * other.vector,
            name=f"{self.name} {symbol} {_term(other.name)}",
            space=self.space,
            strength=(self.strength + other.strength) / 2,
            offset=theirs if mine is None else mine if theirs is None else mine + theirs,
        )

    def _times(self, factor: float, name: str) -> Direction:
        return Direction(
            self.vector * factor,
            name=name,
            space=self.space,
            strength=self.strength,
            basis=self.basis,
            offset=None if self.offset is None else self.offset * factor,
        )

    def check_space(self, space: str) -> None:
        """Raise LatentoptError unless `space` is the fingerprint of this direction's latent space."""
        if self.space != space:
            raise LatentoptError(
                f"direction {self.name} belongs to the latent space {self.space}, not to {space}: a direction means "
                "nothing in another space; give the model it was mined with, or mine it again with this one"
            )

    def save_pretrained(self, path: str | Path) -> None:
        """Write one .safetensors file: vector, basis, offset and reader, and the rest as JSON in its metadata."""
        fields = {
            "name": self.name,
            "space": self.space,
            "strength": self.strength,
            "statistics": self.statistics,
        }
        tensors = {"vector": self.vector}
        if self.basis is not None:
            tensors["basis"] = self.basis
        if self.offset is not None:
            tensors |= dict(zip(OFFSET, (self.offset.reads, self.offset.bias, self.offset.writes), strict=True))
        if self.reader is not None:
            fields["reader"], weights = reader_tensors(self.reader)
            tensors |= weights
        metadata = {"format": FORMAT, "version": VERSION, "direction": json.dumps(fields, ensure_ascii=False)}
        with atomic_write(path) as temporary:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary, metadata=metadata)

    @classmethod
    def from_pretrained(cls, path: str | Path, *, space: str | None = None) -> Direction:
        """Read a file that `save_pretrained` wrote.

        Args:
            path: the .safetensors file.
            space: fingerprint that the direction must have; None takes any.

        Raises:
            LatentoptError: if the file is missing, damaged or no direction, or belongs to another space.
        """
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        except FileNotFoundError as error:
            raise LatentoptError(f"{path}: there is no such file; 'latentopt direction' makes one") from error
        except (OSError, SafetensorError) as error:
            raise LatentoptError(f"{path}: not a safetensors file that can be read ({error}); mine it again") from error
        if metadata.get("format") != FORMAT or "vector" not in tensors:
            raise LatentoptError(f"{path}: this file holds no direction; give one that 'latentopt direction' made")
        if metadata.get("version") not in VERSIONS:
            raise LatentoptError(
                f"{path}: a direction of version {metadata.get('version')}, and this latentopt reads {VERSION}; "
                "update latentopt, or mine it again"
            )
        direction = _from_parts(path, tensors, metadata.get("direction", ""))
        if space is not None:
            direction.check_space(space)
        return direction


def _from_parts(path: str | Path, tensors: Mapping[str, Tensor], text: str) -> Direction:
    try:
        fields = json.loads(text)
        direction = Direction(
            tensors["vector"],
            name=str(fields["name"]),
            space=str(fields["space"]),
            strength=float(fields["strength"]),
            statistics=dict(fields["statistics"]),
            basis=tensors.get("basis"),
            offset=Offset(*(tensors[name] for name in OFFSET)) if OFFSET[0] in tensors else None,
            reader=read_reader(fields["reader"], tensors) if "reader" in fields else None,
        )
        direction.at(torch.zeros(1, len(direction.vector)))  # weights of the wrong shape fail here
        return direction
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, LatentoptError) as error:
        raise LatentoptError(f"{path}: the direction in this file is damaged ({error}); mine it again") from error


def _term(name: str) -> str:
    return f"({name})" if " " in name else name

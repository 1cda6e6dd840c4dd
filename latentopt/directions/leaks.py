"""Leakage: what else moves when texts move along a direction, and a projection that takes it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from latentopt.directions.direction import Direction
from latentopt.errors import LatentoptError

if TYPE_CHECKING:
    from latentopt.space import LatentSpace

Reading = Callable[[Tensor], Tensor]  # scores (n,) of latents (n, d), differentiable
LARGE = 1 / 3  # of a direction's own effect: what leaks more than this is said
RIDGE = 0.01  # of the latents' variance, in the reading of lengths
LENGTH = "length"


@dataclass(frozen=True)
class Leak:
    """What a step at strength 1 does to another property.

    effect: mean change of its score, in standard deviations of that score over texts. own: the same of how far texts
    lie along the direction itself. share: effect over own, in size. realised: the share among edited texts, encoded
    again, or counted in them; None where no text was edited.
    """

    name: str
    effect: float
    own: float
    share: float
    realised: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the attributes by name."""
        return asdict(self)


def is_large(share: float, realised: float | None) -> bool:
    """Whether more than a third of a direction's own effect leaks, in latents or in edits: then that is said."""
    return max(share, realised or 0.0) > LARGE


def readings_of(space: LatentSpace) -> dict[str, Reading]:
    """The heads that came with a model, as readings.

    Those of more than two classes are left out, for they are many, and so are those without gradients.
    """
    from latentopt.heads.finding import bundled_heads, load_head

    heads = {name: load_head(path, space) for name, path in bundled_heads(space).items()}
    return {
        name: head.properties[-1].forward
        for name, head in heads.items()
        if len(head.classes) <= 2 and head.differentiable
    }


def length_reading(z: Tensor, lengths: Sequence[int]) -> Reading:
    """How long a text is, read off its latent: ridge regression on latents z (n, d) and their n lengths in tokens."""
    y = torch.tensor(lengths, dtype=torch.float32)
    centred = z - z.mean(0)
    square = centred.T @ centred
    square = square + RIDGE * square.diagonal().mean().clamp_min(1e-6) * torch.eye(len(square))
    weight = torch.linalg.solve(square, centred.T @ (y - y.mean()))
    return lambda latents: latents @ weight.to(latents)


def leakage(
    direction: Direction,
    readings: Mapping[str, Reading],
    z: Tensor,
    *,
    among: Tensor,
    edits: tuple[Tensor, Tensor] | None = None,
    counted: Mapping[str, tuple[Tensor, Tensor]] | None = None,
) -> list[Leak]:
    """What moves beside the direction.

    Args:
        direction: at strength 1. readings: of other properties, by name. z: latents of sources, (n, d). among: latents
            of texts, (k, d), whose standard deviations are the unit. edits: latents of texts and of what they became.
            counted: what is known of the edits, such as their lengths, and need not be read off latents, by name: of
            texts and of what they became, as edits.

    Raises:
        LatentoptError: for a direction of zero.
    """
    if not direction.vector.any():
        raise LatentoptError("a direction that is zero has no effect that another one could be a share of")

    def along(latents: Tensor) -> Tensor:
        return latents @ direction.vector / direction.vector.norm()

    def change(reading: Reading, before: Tensor, after: Tensor, known: tuple[Tensor, Tensor] | None = None) -> float:
        with torch.no_grad():
            spread = reading(among).float().std().clamp_min(1e-6)
            start, end = (reading(before), reading(after)) if known is None else known
            return float((end.float() - start.float()).mean() / spread)

    moved = z + direction.at(z)
    own = change(along, z, moved)
    own_realised = None if edits is None else change(along, *edits)
    found = []
    for name, reading in readings.items():
        effect = change(reading, z, moved)
        realised = None
        if edits is not None and own_realised is not None and abs(own_realised) > 1e-6:
            realised = abs(change(reading, *edits, (counted or {}).get(name)) / own_realised)
        found.append(Leak(name, effect, own, abs(effect / own) if abs(own) > 1e-6 else 0.0, realised))
    return found


def cleared(direction: Direction, readings: Mapping[str, Reading], z: Tensor, covariance: Tensor) -> Direction:
    """The direction, nearest to this one, along which readings do not change.

    With readings' mean gradients G (k, d) at latents z (n, d), v' = v - C Gᵀ (G C Gᵀ)⁻¹ G v: the nearest in the
    Mahalanobis distance of the latents' covariance C (d, d), so that nothing is made up for where no text varies. A
    reading that is not linear is cleared to first order.

    Raises:
        LatentoptError: if nothing is left.
    """
    gradients = []
    for reading in readings.values():
        start = z.detach().clone().requires_grad_()
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(reading(start).sum(), start)
        gradients.append(gradient.mean(0).float())
    g = torch.stack(gradients)  # (k, d)
    spread = covariance @ g.T  # (d, k)
    away = torch.eye(len(direction.vector)) - spread @ torch.linalg.pinv(g @ spread) @ g  # (d, d)
    vector = away @ direction.vector
    if vector.norm() <= 1e-4 * direction.vector.norm():
        raise LatentoptError(
            f"direction {direction.name} changes nothing but {', '.join(readings)}, so that nothing is left without "
            "that; clear it of fewer"
        )
    return Direction(
        vector,
        name=f"{direction.name} without {', '.join(readings)}",
        space=direction.space,
        strength=direction.strength,
        offset=None if direction.offset is None else direction.offset.written(away.T),
        reader=direction.reader,
    )

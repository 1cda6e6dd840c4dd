"""Discovery: directions that nobody asked for, along which the texts of a corpus differ most."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from latentopt.directions.direction import Direction
from latentopt.directions.methods import Method, principal
from latentopt.errors import LatentoptError
from latentopt.space.texts import checked_texts

if TYPE_CHECKING:
    from latentopt.space import LatentSpace

WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
FEWEST_TEXTS = 20
RARE = 3  # texts that a word is in, from which on it can tell something
SHOWN = 5


@dataclass(frozen=True)
class Discovered:
    """A direction along which texts differ, and what tells it.

    direction: one standard deviation of texts at strength 1. share: of the variance of latents. least, most: the texts
    that lie furthest back and furthest on. against, along: words whose texts lie furthest back and furthest on, by t.
    """

    direction: Direction
    share: float
    least: list[str]
    most: list[str]
    against: list[str]
    along: list[str]

    def to_json(self) -> dict[str, Any]:
        """What tells it, by name."""
        return {
            "name": self.direction.name,
            "share": self.share,
            "along": self.along,
            "against": self.against,
            "most": self.most,
            "least": self.least,
        }


def discover(
    space: LatentSpace,
    texts: Collection[str],
    *,
    name: str,
    components: int = 8,
    method: Method = principal,
    shown: int = SHOWN,
    seed: int = 0,
) -> list[Discovered]:
    """Directions along which the texts of a corpus differ, the largest share of the variance first.

    Args:
        space: the latent space. texts: n of them. name: of the directions, followed by their number.
        components: how many at most. method: `principal` takes the axes of the largest variance, `independent` turns
            them by FastICA.
        shown: texts and words of each end. seed: of the method.

    Raises:
        LatentoptError: if there are fewer than 20 different texts, or as `LatentSpace.encode`.
    """
    texts = list(dict.fromkeys(checked_texts(texts)))
    if len(texts) < FEWEST_TEXTS:
        raise LatentoptError(f"to discover directions takes {FEWEST_TEXTS} different texts or more, got {len(texts)}")
    z = space.pooled(space.encode(texts))
    centred = z - z.mean(0)
    total = centred.square().sum()
    found = []
    for step, place in zip(*_steps(centred, min(components, z.shape[1], len(texts) - 1), method, seed), strict=True):
        if (place**3).mean() < 0:  # the end with the few texts that lie far off is the one to name
            step, place = -step, -place
        share = float((place.square().sum() * step.square().sum()) / total)
        found.append((share, step, place))
    discovered = []
    for number, (share, step, place) in enumerate(sorted(found, key=lambda one: -one[0]), start=1):
        order = place.argsort().tolist()
        words = _words_along(texts, place)
        discovered.append(
            Discovered(
                Direction(step, name=f"{name}-{number}", space=space.fingerprint, statistics={"share": share}),
                share,
                least=[texts[i] for i in order[:shown]],
                most=[texts[i] for i in reversed(order[-shown:])],
                against=words[:shown],
                along=words[::-1][:shown],
            )
        )
    return discovered


def _steps(centred: Tensor, count: int, method: Method, seed: int) -> tuple[Tensor, Tensor]:
    """Directions (k, d), and how far along each texts lie, in steps (k, n), whose standard deviation is 1.

    Of axes that are not at right angles in latents, such as independent ones, how far along one a text lies is not its
    shadow on it, which the others reach, too.
    """
    _, singular, axes = torch.linalg.svd(centred, full_matrices=False)
    spread = singular[:count] / max(1, len(centred) - 1) ** 0.5
    white = centred @ axes[:count].T / spread  # (n, k)
    turn = method(white, seed=seed)
    return (turn.T * spread) @ axes[:count], torch.linalg.pinv(turn) @ white.T


def _words_along(texts: list[str], place: Tensor) -> list[str]:
    """Words by how far along the texts lie that have them: t statistics, rising."""
    rows: dict[str, list[int]] = {}
    for i, text in enumerate(texts):
        for word in set(WORD.findall(text.lower())):
            rows.setdefault(word, []).append(i)
    spread = float(place.std())
    told = {
        word: float((place[there].mean() - place.mean()) * len(there) ** 0.5 / max(spread, 1e-12))
        for word, there in rows.items()
        if RARE <= len(there) <= len(texts) - RARE
    }
    return sorted(told, key=lambda word: (told[word], word))

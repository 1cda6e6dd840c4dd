"""Latents of which everything is known, and a space whose texts are their latents."""

import torch

from latentopt.directions import Direction, Examples
from latentopt.errors import LatentoptError


def pairs(n, d, *, shift=0.0, targets=1, seed=0):
    """Differences (n * targets, d), moved by `shift` on the first axis, and the source of each."""
    generator = torch.Generator().manual_seed(seed)
    group = torch.arange(n).repeat_interleave(targets)
    of_source = torch.randn(n, d, generator=generator)
    difference = of_source[group] + 0.1 * torch.randn(n * targets, d, generator=generator)
    difference[:, 0] += shift
    return difference, group


def of_pairs(difference, group=None):
    """Examples of pairs whose sources are zero."""
    group = torch.arange(len(difference)) if group is None else group
    return Examples(torch.zeros_like(difference), difference, group, "toy")


def direction(vector, **options):
    return Direction(torch.as_tensor(vector), **{"name": "higher", "space": "numbers", **options})


class NumbersSpace:
    """Latents (n, 4) are texts of four numbers; the decoder keeps a share of each."""

    path = None
    fingerprint = "numbers"
    max_tokens = 8

    def __init__(self, keeps=(1.0, 1.0, 1.0, 1.0), density=None):
        self.keeps = torch.tensor(keeps)
        self._density = density

    @property
    def density(self):
        if self._density is None:
            raise LatentoptError("this model has no density")
        return self._density

    def encode(self, texts):
        return torch.tensor([[float(word) for word in text.split()] for text in texts])

    def pooled(self, z):
        return z

    def lengths(self, texts):
        return [len(text.split()) for text in texts]

    def survives(self, texts):
        return ["?" not in text for text in texts]

    def log_likelihood(self, texts):
        return -0.1 * torch.tensor([float(len(text)) for text in texts])

    def apply(self, direction, texts, strength):
        """Texts moved along a direction, as far as the decoder follows."""
        return self.decode(direction.apply(self.encode(texts), strength=strength))

    def decode(self, z):
        return [" ".join(f"{value:.3f}" for value in row) for row in (z * self.keeps).tolist()]

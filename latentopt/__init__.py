"""Change what a text is: encode it into a latent vector, move the vector, decode it.

The names below are loaded on first use, so that `import latentopt` costs nothing: torch and transformers are
imported when a latent space is opened, and not before.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from latentopt.errors import LatentoptError, TruncationWarning

if TYPE_CHECKING:
    from latentopt.directions import Direction
    from latentopt.directions.transfer import AttributeTransfer
    from latentopt.editing.editor import optimize_texts
    from latentopt.model import T5VAE, T5VAEConfig
    from latentopt.space import LatentSpace

__version__ = "0.1.0"

__all__ = [
    "T5VAE",
    "AttributeTransfer",
    "Direction",
    "LatentSpace",
    "LatentoptError",
    "T5VAEConfig",
    "TruncationWarning",
    "__version__",
    "optimize_texts",
]

_HOMES = {
    "AttributeTransfer": "latentopt.directions.transfer",
    "Direction": "latentopt.directions",
    "LatentSpace": "latentopt.space",
    "T5VAE": "latentopt.model",
    "T5VAEConfig": "latentopt.model",
    "optimize_texts": "latentopt.editing.editor",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value  # found by the ordinary way from now on
    return value


def __dir__() -> list[str]:
    return sorted(globals().keys() | _HOMES.keys())

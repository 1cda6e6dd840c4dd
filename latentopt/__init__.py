"""Change what a text is: encode it into a latent vector, move the vector, decode it.

    import latentopt as lo

The names below are loaded on first use, so that `import latentopt` costs nothing: torch and transformers are
imported when a latent space is opened, and not before.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from latentopt.errors import LatentoptError, TruncationWarning

if TYPE_CHECKING:
    from latentopt.directions import AttributeTransfer, Direction, mine
    from latentopt.editing import Along, AtLeast, AtMost, Maximize, Minimize, Near, Target, TextEditor, Typical
    from latentopt.heads import (
        fit_head,
        load_fitted,
        load_head,
        predict_texts,
        rows_of,
        save_head,
        tune_head,
    )
    from latentopt.model import T5VAE, T5VAEConfig
    from latentopt.space import LatentSpace

__version__ = "0.1.0"

__all__ = [
    "T5VAE",
    "Along",
    "AtLeast",
    "AtMost",
    "AttributeTransfer",
    "Direction",
    "LatentSpace",
    "LatentoptError",
    "Maximize",
    "Minimize",
    "Near",
    "T5VAEConfig",
    "Target",
    "TextEditor",
    "TruncationWarning",
    "Typical",
    "__version__",
    "fit_head",
    "load_fitted",
    "load_head",
    "mine",
    "predict_texts",
    "rows_of",
    "save_head",
    "tune_head",
]

_ROOMS = {
    "directions": ("AttributeTransfer", "Direction", "mine"),
    "editing": ("Along", "AtLeast", "AtMost", "Maximize", "Minimize", "Near", "Target", "TextEditor", "Typical"),
    "heads": (
        "fit_head",
        "load_fitted",
        "load_head",
        "predict_texts",
        "rows_of",
        "save_head",
        "tune_head",
    ),
    "model": ("T5VAE", "T5VAEConfig"),
    "space": ("LatentSpace",),
}
_HOMES = {name: f"latentopt.{room}" for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value  # found by the ordinary way from now on
    return value


def __dir__() -> list[str]:
    return sorted(globals().keys() | _HOMES.keys())

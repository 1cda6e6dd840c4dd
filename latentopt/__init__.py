"""Change what a text is: encode it into a latent vector, move the vector, decode it.

    import latentopt as lo

Its names, which `__init__.pyi` lists, are loaded on first use, so that `import latentopt` costs nothing: torch and
transformers are imported when a latent space is opened, and not before.
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

__version__ = "0.1.0"

# By name, the room that it is imported from: as the imports of __init__.pyi say, which are not made here.
_HOMES = {
    name.name: str(node.module)
    for node in ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8")).body
    if isinstance(node, ast.ImportFrom)
    for name in node.names
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value  # found by the ordinary way from now on
    return value


def __dir__() -> list[str]:
    return sorted(globals().keys() | _HOMES.keys())

"""Change what a text is: encode it into a latent vector, move the vector, decode it.

    import latentopt as lo

Its names, which `__init__.pyi` lists, are loaded on first use, so that `import latentopt` costs nothing: torch and
transformers are imported when a latent space is opened, and not before.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

__version__ = "0.1.0"


def on_first_use(package: dict[str, Any]) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """`__all__`, `__getattr__` and `__dir__` of a package whose names are loaded on first use.

    Where they stand, the imports of its `__init__.pyi` say: they are not made here, and type checkers read the same.

    Args:
        package: its globals().
    """
    stub = Path(package["__file__"]).with_suffix(".pyi")
    homes = {
        name.name: str(node.module)
        for node in ast.parse(stub.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package['__name__']!r} has no attribute {name!r}")
        value = getattr(import_module(homes[name]), name)
        package[name] = value  # found by the ordinary way from now on
        return value

    return list(homes), load, lambda: sorted(package.keys() | homes.keys())


_names, __getattr__, __dir__ = on_first_use(globals())
__all__ = ["__version__", *_names]

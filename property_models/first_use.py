"""What is imported on first use, so that names cost nothing: those of a package, and functions in tables."""

from __future__ import annotations

import ast
from collections.abc import Callable
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any


def on_first_use(package: dict[str, Any]) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """`__all__`, `__getattr__` and `__dir__` of a package whose names are loaded on first use.

    Where they stand, the imports of its `__init__.pyi` say: they are not made here, and type checkers read the same.
    latentopt imports this from here, as it does its error.

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


def when_called(package: str, file: str, name: str) -> Callable[..., Any]:
    """A function of a file of a package, which is imported when it is called; of a class there, `Class.method`."""

    def call(*arguments: Any) -> Any:
        return attrgetter(name)(import_module(f"{package}.{file}"))(*arguments)

    return call

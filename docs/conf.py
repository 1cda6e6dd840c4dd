"""Sphinx's settings. Nothing is fetched: neither fonts nor other projects' inventories; warnings are errors.

sphinx-build -W --keep-going docs build/docs
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parents[1]))  # the code beside these pages, where it is not installed
sys.path.insert(0, str(Path(__file__).parent / "extensions"))

from latentopt import __version__

OURS = ("latentopt", "property_models", "builtins")

project = "latentopt"
author = "The latentopt contributors"
copyright = "the latentopt contributors, Apache-2.0"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click", "schema_table"]
exclude_patterns = ["figures/README.md", "extensions"]
html_theme = "furo"
html_title = f"latentopt {version}"
html_extra_path = ["schemas"]
html_theme_options = {"navigation_with_keys": True}
html_copy_source = False
html_show_sphinx = False

smartquotes = False  # --option stays as it is typed
default_role = "code"  # docstrings write `name` as Markdown does
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_numpy_docstring = False
python_use_unqualified_type_names = True
suppress_warnings = ["ref.python"]  # a name of a type that two rooms share is linked to either
autodoc_inherit_docstrings = False  # those of Hugging Face and scikit-learn belong in their documentation


def setup(app: Sphinx) -> None:
    """Fit docstrings, which are plain text, to what Sphinx reads."""
    app.connect("autodoc-process-docstring", _bars_are_bars)
    app.connect("autodoc-skip-member", _skips_what_others_made)


def _bars_are_bars(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = [line.replace("|", r"\|") for line in lines]  # |z| is no substitution


def _skips_what_others_made(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    home = inspect.getmodule(obj)  # of scikit-learn's set_fit_request and such
    return True if home is not None and home.__name__.split(".")[0] not in OURS else None

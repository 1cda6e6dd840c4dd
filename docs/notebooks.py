"""Execute the notebooks of examples/ from top to bottom, and keep them as they ran.

    python docs/notebooks.py [NAME ...]

A minute or more for each. They run in a copy of the folder, so that what they write does not stay.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[1] / "examples"


def main(names: list[str]) -> None:
    """Execute the notebooks of these names; without one, all."""
    os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"  # of a progress bar that nobody sees
    for path in [EXAMPLES / f"{name}.ipynb" for name in names] or sorted(EXAMPLES.glob("*.ipynb")):
        with tempfile.TemporaryDirectory() as folder:
            desk = shutil.copytree(EXAMPLES, Path(folder) / "examples")
            book = nbformat.read(path, as_version=4)
            kept = dict(book.metadata)  # without the versions of this machine
            resources = {"metadata": {"path": str(desk)}}
            NotebookClient(
                book, timeout=3600, kernel_name="python3", resources=resources, record_timing=False
            ).execute()
        book.metadata = nbformat.from_dict(kept)
        nbformat.write(book, path)
        print(path.name)


if __name__ == "__main__":
    main(sys.argv[1:])

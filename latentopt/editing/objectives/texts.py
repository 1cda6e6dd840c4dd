"""An objective of finished texts: any function of a person's own."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from latentopt.editing.objectives.wish import Wish
from latentopt.errors import LatentoptError

REMEMBERED = 10_000  # texts and their losses: many times what is written for one source


class TextObjective(Protocol):
    """Losses of texts, lower is better. It has no gradient, and is asked of finished texts only."""

    def __call__(self, texts: Sequence[str], /) -> Any:
        """Numbers of shape (n,), in any form that numpy understands, for n texts."""


class OfTexts(Wish):
    """The text shall have a low loss by any function of texts.

    Finished texts are what it is asked of wherever there are any. At a latent it is asked of what is written from
    there; it has no gradient, so that only optimizers that need none can lower it. Its value is the loss itself.
    A function may be slow: it is asked once for a text, and its losses for the last 10,000 are remembered.

    Args:
        function: n texts to n losses, lower is better; a text's loss is its own, and stays. A loss of 1 counts as much
            as one standard deviation of a head's property.
        write: pooled latents (n, m) to n texts (see `latentopt.editing.write.texts_at`).
        name: what a person calls it.
    """

    def __init__(self, function: TextObjective, write: Callable[[Tensor], list[str]], *, name: str) -> None:
        self.function = function
        self.write = write
        self._name = name
        self._known: dict[str, float] = {}  # the one that was asked for last stands last

    @property
    def name(self) -> str:
        return self._name

    @property
    def wording(self) -> str:
        return "as low as it gets"

    @property
    def differentiable(self) -> bool:
        return False

    def __call__(self, z: Tensor) -> Tensor:
        return self._losses(self.write(z)).to(z)

    def of_texts(self, texts: Sequence[str], z: Tensor) -> Tensor:
        return self._losses(texts).to(z)

    def values(self, z: Tensor) -> Tensor:
        return self(z)

    def values_of(self, texts: Sequence[str], z: Tensor) -> Tensor:
        return self.of_texts(texts, z)

    def fulfilled(self, values: Tensor) -> None:
        return None

    def _losses(self, texts: Sequence[str]) -> Tensor:
        """Losses (n,) of texts; those that are not remembered are asked for."""
        known = {text: self._known.pop(text) for text in dict.fromkeys(texts) if text in self._known}
        if new := [text for text in dict.fromkeys(texts) if text not in known]:
            known |= dict(zip(new, text_losses(self.function, new).tolist(), strict=True))
        self._known |= known
        for text in list(self._known)[:-REMEMBERED]:
            del self._known[text]
        return torch.tensor([known[text] for text in texts], dtype=torch.float64)


def text_losses(objective: TextObjective, texts: Sequence[str]) -> Tensor:
    """Ask an objective for the losses of texts, and check what comes, shape (n,).

    Raises:
        LatentoptError: unless it is a number for each text; NaN is none.
    """
    try:
        given = objective(texts)
    except Exception as error:  # what a person's own function raises may be anything
        raise LatentoptError(
            f"an objective failed on {len(texts)} texts ({type(error).__name__}: {error}); try it on some texts alone"
        ) from error
    try:
        losses = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        losses = np.empty(0)
    if losses.shape != (len(texts),) or np.isnan(losses).any():
        raise LatentoptError(
            f"an objective of texts gives a number for each text, lower is better, but of {len(texts)} texts it made "
            f"{str(given)[:100]}"
        )
    return torch.from_numpy(losses)


def text_objective(name: str) -> TextObjective:
    """Find an objective by its name, MODULE:FUNCTION.

    Args:
        name: as in `scores:brevity`, of an installed module or of scores.py in the current folder, or as in
            `work/scores.py:brevity`.

    Raises:
        LatentoptError: if there is no such function.
    """
    place, sign, function = name.rpartition(":")
    if not (place and sign and function.isidentifier()):
        raise LatentoptError(f"an objective is named MODULE:FUNCTION, such as scores:brevity, got {name!r}")
    found = vars(_module(name, place)).get(function)
    if not callable(found):
        raise LatentoptError(f"{name}: there is no function {function} in {place}")
    objective: TextObjective = found
    return objective


def _module(name: str, place: str) -> ModuleType:
    file = Path(place if place.endswith(".py") else place.replace(".", "/") + ".py")
    try:
        if not file.is_file():
            return import_module(place)
        # Not by way of sys.path, which would be the whole program's.
        spec = importlib.util.spec_from_file_location(f"latentopt_objective_{file.stem}", file)
        assert spec is not None and spec.loader is not None, file
        module = importlib.util.module_from_spec(spec)
        sys.modules[module.__name__] = module  # where its dataclasses look for their annotations
        spec.loader.exec_module(module)
        return module
    except ImportError as error:
        raise LatentoptError(
            f"{name}: {place} cannot be imported ({error}); give MODULE:FUNCTION or FILE.py:FUNCTION"
        ) from error

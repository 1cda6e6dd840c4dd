"""Steps of the system that fail."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from latentopt.tables import atomic

STEPS = ("fsync", "rename", "replace", "link", "mkdir", "chmod")


class FailingStep:
    """The k-th call of any of the system's steps fails; what cleans up after it works."""

    def __init__(self, k: int) -> None:
        self.left = k

    def __call__(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return step(*arguments, **options)

        return call


def failing_at_each_step(
    monkeypatch: pytest.MonkeyPatch, write: Callable[[], None], *, exchange: Callable[..., Any] = atomic.exchange
) -> Iterator[int]:
    """Run `write` with its first step failing, then with its second, ..., at last with none; yield after each run."""
    k, failing = 0, FailingStep(0)
    while failing.left <= 0:
        k += 1
        failing = FailingStep(k)
        with monkeypatch.context() as patched:
            patched.setattr(atomic, "exchange", failing(exchange))
            for name in STEPS:
                patched.setattr(os, name, failing(getattr(os, name)))
            with suppress(OSError):
                write()
        yield k

"""Who waits for the model, and the one thread in which it works.

Gradio has no public way to ask who waits; only here is its queue known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

import gradio as gr

MODEL = "model"  # the line in which requests stand that are computed one after the other
LONG = "long"  # the line of those that take minutes, and let others go first between two texts
PATIENCE = 60.0  # seconds that a long request lets others go first, for each of its texts
GLANCE = 0.2  # seconds between two looks

T = TypeVar("T")


class Line:
    """The requests to a page that wait for the model, and the thread that works on them.

    Gradio has a thread for whoever comes, and torch and the C library keep memory for each: 400 MiB for each that has
    edited a text (experiments/web).
    """

    def __init__(self, blocks: gr.Blocks) -> None:
        self._blocks = blocks
        self._thread = ThreadPoolExecutor(1, "model")

    def work(self, function: Callable[..., T], *arguments: Any) -> T:
        """What a function gives that needs the model."""
        return self._thread.submit(copy_context().run, function, *arguments).result()  # as progress needs its context

    def steps(self, items: Iterator[T]) -> Iterator[T]:
        """The items of an iterator that needs the model for each."""
        end: Any = object()
        while (item := self.work(next, items, end)) is not end:
            yield item

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue.queue) if self._queue else 0

    def let_others_go_first(self) -> None:
        """Return when nobody uses the model or waits for it, or when patience ends."""
        until = time.monotonic() + PATIENCE
        while self._queue and (self._queue.queue or self._queue.current_concurrency) and time.monotonic() < until:
            time.sleep(GLANCE)

    @property
    def _queue(self) -> Any:
        return self._blocks._queue.event_queue_per_concurrency_id.get(MODEL)

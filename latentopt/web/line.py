"""Who waits for the model. Gradio has no public way to ask; only here is its queue known."""

from __future__ import annotations

import time
from typing import Any

import gradio as gr

MODEL = "model"  # the line in which requests stand that are computed one after the other
LONG = "long"  # the line of those that take minutes, and let others go first between two texts
PATIENCE = 60.0  # seconds that a long request lets others go first, for each of its texts
GLANCE = 0.2  # seconds between two looks


class Line:
    """The requests to a page that wait for the model."""

    def __init__(self, blocks: gr.Blocks) -> None:
        self._blocks = blocks

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

"""Who waits for the model, the one thread that works with it, and how that is stopped.

Gradio has no public way to ask who waits; only here is its queue known.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any, NoReturn, TypeVar

import gradio as gr

MODEL = "model"  # the line in which requests stand that are computed one after the other
LONG = "long"  # the line of those that take minutes: part by part they take turns, and let others go first
MOST_LONG = 4  # of these at once
PATIENCE = 60.0  # seconds that a long request lets others go first, for each of its parts
GLANCE = 0.2  # seconds between two looks

T = TypeVar("T")


class Stopped(Exception):
    """Who asked no longer wants the answer."""


@dataclass(eq=False)
class Wanted:
    """Whether a person still wants what a tab of the page was asked for; shared by what works and what stops it.

    still: whether nobody has stopped it. ended: whether the last work has come to its own end.
    """

    still: bool = True
    ended: bool = True

    def check(self) -> None:
        """Raise Stopped if it is not."""
        if not self.still:
            raise Stopped

    @contextmanager
    def until_stopped(self) -> Iterator[None]:
        """What is worked on within is wanted; Stopped ends it quietly."""
        self.still, self.ended = True, False
        with suppress(Stopped):
            yield
            self.ended = True

    @property
    def stopped(self) -> bool:
        """Whether the last work was stopped.

        Gradio may cancel a work that had just begun, and so found itself wanted again after somebody stopped it.
        """
        return not (self.still and self.ended)


class Line:
    """The requests to a page that wait for the model, and the one thread that works on them: that which calls `run`.

    It should be the thread that has opened the model. Gradio has a thread for whoever comes, and torch and the C
    library keep memory for each: 400 MiB for each that has edited a text. And each has helpers of its own: where one
    thread has opened the model and another one computes, there are more of them than cores, and they sleep between two
    matrix products (experiments/web).
    """

    def __init__(self) -> None:
        self.blocks: gr.Blocks | None = None  # the page, as soon as there is one
        self._asked: SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = SimpleQueue()
        self._turns: deque[Wanted] = deque()  # of the long ones
        self._now = Wanted()  # what is worked on

    def run(self) -> NoReturn:
        """Work on what is asked, in this thread, until Ctrl-C."""
        while True:
            function, answer = self._asked.get()
            try:
                answer.set_result(function())
            except Exception as error:
                answer.set_exception(error)
            except BaseException:
                answer.set_exception(Stopped())
                raise

    def in_background(self) -> Line:
        """Have a thread of its own work on them, where this one has other things to do; the line itself."""
        Thread(target=self.run, name="model", daemon=True).start()
        return self

    def look(self) -> None:
        """Raise Stopped in the thread that works if what it works on is not wanted any more."""
        self._now.check()

    def work(self, wanted: Wanted, function: Callable[..., T], *arguments: Any) -> T:
        """What a function gives that needs the model. Raises Stopped as soon as that is not wanted.

        It waits for ever where no thread runs the line.
        """

        def watched() -> T:
            wanted.check()
            self._now = wanted
            try:
                return function(*arguments)
            finally:
                self._now = Wanted()

        answer: Future[T] = Future()
        self._asked.put((watched, answer))
        return answer.result()

    def steps(self, wanted: Wanted, items: Iterator[T]) -> Iterator[T]:
        """The items of an iterator that needs the model for each; raises as `work`."""
        end: Any = object()
        while (item := self.work(wanted, next, items, end)) is not end:
            yield item

    def part(self, wanted: Wanted, function: Callable[..., T], *arguments: Any) -> T:
        """The same as `work` for a part of a long request, when it has its turn and nobody else waits for the model."""
        self._turns.append(wanted)
        try:
            while self._turns[0] is not wanted:
                wanted.check()
                time.sleep(GLANCE)
            self._let_others_go_first(wanted)
            return self.work(wanted, function, *arguments)
        finally:
            self._turns.remove(wanted)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue.queue) if self._queue else 0

    def _let_others_go_first(self, wanted: Wanted) -> None:
        """Return when nobody uses the model or waits for it, or when patience ends."""
        until = time.monotonic() + PATIENCE
        while self._queue and (self._queue.queue or self._queue.current_concurrency) and time.monotonic() < until:
            wanted.check()
            time.sleep(GLANCE)

    @property
    def _queue(self) -> Any:
        if self.blocks is None:
            return None
        return self.blocks._queue.event_queue_per_concurrency_id.get(MODEL)

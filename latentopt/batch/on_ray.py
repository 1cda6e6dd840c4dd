"""Ray: chunks worked on by actors, on a laptop or a cluster. A worker that dies is started anew, its chunks done again.

Needs the extra `ray`, which is imported where it is used.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from latentopt.errors import LatentoptError
from latentopt.tables import Row

if TYPE_CHECKING:
    from latentopt.batch.journal import Record
    from latentopt.batch.run import Make
    from latentopt.batch.work import Work

AHEAD = 2  # chunks that each worker has been given


class OnRay:
    """An engine for `latentopt.batch.run`: chunks go to actors, each with a work of its own, and come back in order.

    Args:
        workers: number of actors. gpus: of each; a share is possible. None: those of the cluster, shared evenly.
    """

    def __init__(self, workers: int = 2, *, gpus: float | None = None) -> None:
        self.workers, self.gpus = workers, gpus

    def __call__(self, make: Make, chunks: Iterator[list[Row]], many: bool) -> Iterator[list[Record]]:
        ray = _ray()
        if not ray.is_initialized():
            ray.init(include_dashboard=False, log_to_driver=False, configure_logging=False)
        there = ray.cluster_resources().get("GPU", 0)
        gpus = share(there, self.workers) if self.gpus is None else self.gpus
        remote = ray.remote(num_gpus=gpus, max_restarts=-1, max_task_retries=-1)(_Actor)
        actors = [remote.remote(make) for _ in range(self.workers)]
        waiting: list[Any] = []
        try:
            for place, rows in enumerate(chunks):
                waiting.append(actors[place % len(actors)].records.remote(rows, many))
                if len(waiting) >= AHEAD * len(actors):
                    yield _result(ray, waiting.pop(0))
            while waiting:
                yield _result(ray, waiting.pop(0))
        finally:
            for actor in actors:
                ray.kill(actor)


def share(gpus: float, workers: int) -> float:
    """What each worker gets of so many GPUs, so that all have room: one, or an equal share with others of the same."""
    return 1 / math.ceil(workers / gpus) if gpus else 0.0


def _result(ray: Any, task: Any) -> list[Record]:
    """What a task gives; what it raises is raised as it was, and not as Ray's, whose words are a traceback."""
    try:
        found: list[Record] = ray.get(task)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    return found


class _Actor:
    """A process with a work of its own."""

    def __init__(self, make: Make) -> None:
        self.make = make
        self.work: Work | None = None

    def records(self, rows: list[Row], many: bool) -> list[Record]:
        self.work = self.work or self.make()  # not above: Ray says of an error there that a worker has died
        return self.work.records(rows, file=many)


class InBatches:
    """A work as Ray Data takes it: `dataset.map_batches(InBatches, fn_constructor_args=[make], concurrency=2)`.

    The model is loaded once an actor. Batches have columns and come back with those of the work beside them, with as
    many rows as the work gives records.

    Args:
        make: makes the work in the actor, such as `functools.partial(encoder, "models/posts")` with a function of yours
            that returns `Encode(LatentSpace.from_pretrained(name))`.
    """

    def __init__(self, make: Callable[[], Work]) -> None:
        self.work = make()

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Records of the rows of a batch, by column; without "row", since a batch does not know where it stands."""
        names = list(batch)
        columns = [_listed(batch[name]) for name in names]
        rows = [Row(n, dict(zip(names, values, strict=True))) for n, values in enumerate(zip(*columns, strict=True), 1)]
        records = self.work.records(rows)
        found = dict.fromkeys(name for record in records for name in record if name != "row")
        return {name: [record.get(name) for record in records] for name in found}


def _listed(column: Any) -> list[Any]:
    """Values of a column, numpy's or a list, as plain ones."""
    import numpy as np

    return [value.tolist() if isinstance(value, np.ndarray | np.generic) else value for value in column]


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when it starts: nothing leaves the machine unasked
    try:
        import ray
    except ImportError as error:
        raise LatentoptError("--engine ray needs Ray: pip install 'latentopt[ray]'") from error
    return ray

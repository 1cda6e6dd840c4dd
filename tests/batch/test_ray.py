"""Rows worked on by actors of Ray: the same output, whatever becomes of a worker."""

import json
import os
import signal
from functools import partial

import numpy as np
import pytest

from latentopt.batch import InBatches, Input, OnRay, run
from latentopt.batch.on_ray import share
from latentopt.errors import LatentoptError
from tests.batch.test_run import Shout


class Fragile(Shout):
    """Kills its process once, in the middle."""

    def __init__(self, marker):
        super().__init__()
        self.marker = marker

    def compute(self, rows):
        if "text 7" in self.values(rows) and not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().compute(rows)


@pytest.fixture(scope="module")
def ray():
    found = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    found.init(num_cpus=2, num_gpus=1, include_dashboard=False, log_to_driver=False, configure_logging=False)
    yield found
    found.shutdown()


def test_a_worker_that_is_killed_loses_nothing(ray, tmp_path):
    path = tmp_path / "posts.csv"
    path.write_text("id,text\n" + "".join(f"{n},text {n}\n" for n in range(20)) + "20,hush\n")
    work = Shout()
    run(lambda: work, Input(path), tmp_path / "here.csv", settings={}, chunk=3)
    make = partial(Fragile, tmp_path / "marker")
    run(make, Input(path), tmp_path / "ray.csv", settings={}, chunk=3, engine=OnRay(2))
    assert (tmp_path / "marker").exists()
    assert (tmp_path / "ray.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()


class Placed(Shout):
    """Says on which GPUs it is."""

    def compute(self, rows):
        import ray

        return [[{"loud": str(ray.get_gpu_ids()), "length": 0}] for _ in rows]


def test_workers_share_the_gpus_of_the_cluster(ray, tmp_path):
    run(Placed, Input(None, texts=["a", "b"]), tmp_path / "out.jsonl", settings={}, chunk=1, engine=OnRay(2))
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["loud"] for row in rows] == ["[0]", "[0]"]


def nobody():
    raise LatentoptError("likees: there is no such head")


def test_work_that_cannot_be_made_is_the_error_that_it_is_without_ray(ray, tmp_path):
    with pytest.raises(LatentoptError, match=r"^likees: there is no such head$"):
        run(nobody, Input(None, texts=["a"]), tmp_path / "out.csv", settings={}, engine=OnRay(1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("gpus", "workers", "each"), [(0, 8, 0), (1, 2, 0.5), (2, 3, 0.5), (8, 2, 1), (4, 4, 1)])
def test_a_share_leaves_room_for_all_workers(gpus, workers, each):
    assert share(gpus, workers) == each


def test_a_work_maps_batches_of_ray_data(ray):
    data = pytest.importorskip("ray.data")
    rows = [{"id": n, "text": f"text {n}"} for n in range(8)]
    mapped = data.from_items(rows).map_batches(InBatches, fn_constructor_args=[Shout], concurrency=2, batch_size=3)
    found = sorted(mapped.take_all(), key=lambda row: row["id"])
    assert [(row["text"], row["loud"]) for row in found] == [(f"text {n}", f"TEXT {n}") for n in range(8)]


def test_a_batch_comes_back_by_columns():
    batch = {"id": np.arange(3), "text": np.array(["a", " ", "bc"], dtype=object)}
    assert InBatches(Shout)(batch) == {
        "text": ["a", " ", "bc"],
        "id": [0, 1, 2],
        "loud": ["A", None, "BC"],
        "length": [1, None, 2],
        "error": [None, "text is empty", None],
    }


def test_without_ray_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(LatentoptError, match=r"--engine ray needs Ray: pip install 'latentopt\[ray\]'"):
        run(Shout, Input(None, texts=["a"]), tmp_path / "out.csv", settings={}, engine=OnRay())

"""A desk of the toy space, with heads and a direction, and the page that it serves."""

from __future__ import annotations

import numpy as np
import pytest

from latentopt.directions import Direction
from latentopt.editing import Effort, Floors
from latentopt.heads import save_head
from latentopt.space import LatentSpace
from latentopt.tables import Table
from latentopt.web.desk import Desk
from property_models import LogisticHead, RidgeHead
from tests.toy import toy_space, toy_texts

LOW = Floors(fluency=-3.0, cost=999.0, strain=50.0, meaning=-1.0, change=1.0)  # the toy knows little
LESS, LITTLE = Effort(tries=1, rows=8, scored=4), Effort(rounds=2, rows=24, scored=12)


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """The directory of the toy model with the heads likes and tone, and the direction brisk."""
    space, folder = toy_space(), tmp_path_factory.mktemp("models") / "toy"
    space.save_pretrained(folder)
    texts = toy_texts(300)
    z = space.pooled(space.encode(texts))
    likes = np.round(np.exp(4 + z[:, 0].numpy()))
    head = RidgeHead(scale="log1p").fit(z.numpy(), likes)
    save_head(head, folder / "heads" / "likes", name="likes", space=space.fingerprint)
    tone = LogisticHead().fit(z.numpy(), np.where(z[:, 1] > z[:, 1].mean(), "warm", "cold"))
    save_head(tone, folder / "heads" / "tone", name="tone", space=space.fingerprint)
    (folder / "directions").mkdir()
    step = z[z[:, 2] > 0].mean(0) - z[z[:, 2] <= 0].mean(0)
    Direction(step, name="brisk", space=space.fingerprint).save_pretrained(folder / "directions" / "brisk.safetensors")
    return folder


@pytest.fixture(scope="session")
def desk(model):
    return Desk(LatentSpace.from_pretrained(model), floors=LOW, glance=LESS, effort=LITTLE)


@pytest.fixture(scope="session")
def corpus():
    import pandas

    texts = toy_texts(40, seed=5)
    return Table(pandas.DataFrame({"text": texts, "seen": np.arange(40.0)}))


@pytest.fixture
def line():
    from latentopt.web.line import Line

    return Line().in_background()


@pytest.fixture(scope="session")
def served(desk, corpus):
    """The page, served on a free port of this machine."""
    from latentopt.web.line import Line
    from latentopt.web.page import page
    from latentopt.web.server import serve

    running = serve(page(desk, Line().in_background(), corpus=corpus))
    yield running
    running.close()

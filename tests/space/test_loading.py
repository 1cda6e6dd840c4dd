"""Models by their names on the Hugging Face hub: where a copy of them lies, and what is said without one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from latentopt.directions import Direction, bundled_directions, load_direction
from latentopt.errors import LatentoptError
from latentopt.heads import bundled_heads, load_head, save_head
from latentopt.space import LatentSpace, loading
from property_models import RidgeHead
from tests.toy import toy_space, toy_texts

COMMIT = "0123456789" * 4


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's folder on this machine, with "somebody/toy" as an earlier download left it; nothing can be asked."""
    copy = tmp_path / "models--somebody--toy"
    snapshot = copy / "snapshots" / COMMIT
    space = toy_space()
    space.save_pretrained(snapshot)
    z = space.pooled(space.encode(toy_texts(40)))
    save_head(
        RidgeHead().fit(z.numpy(), z[:, 0].numpy()), snapshot / "heads/first", name="first", space=space.fingerprint
    )
    Direction(z[0], name="up", space=space.fingerprint).save_pretrained(snapshot / "directions/up.safetensors")
    (copy / "refs").mkdir()
    (copy / "refs/main").write_text(COMMIT)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return snapshot


def test_a_model_of_the_hub_has_its_density_heads_and_directions(cache: Path) -> None:
    space = LatentSpace.from_pretrained("somebody/toy")
    assert space.path == cache
    assert space.fingerprint == toy_space().fingerprint
    assert space.density.mean.shape == (8,)
    assert list(bundled_heads(space)) == ["first"]
    assert load_head("first", space).name == "first"
    assert list(bundled_directions(space)) == ["up"]
    assert load_direction("up", space).name == "up"


def test_a_name_that_the_hub_did_not_give_is_an_error_with_the_reason(cache: Path) -> None:
    with pytest.raises(
        LatentoptError, match=r"somebody/else: .* the hub gave no such model \(.*offline.*\); give a dir"
    ):
        LatentSpace.from_pretrained("somebody/else")


@pytest.fixture
def silent_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub that takes every call and answers none, as behind a firewall."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(loading, "PATIENCE", 0.2)
        yield


def test_a_hub_that_does_not_answer_is_not_waited_for(
    cache: Path, silent_hub: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, download, asked = loading.HfApi.repo_info, loading.snapshot_download, []

    def asking(api: Any, name: str, *, timeout: float) -> Any:
        asked.append(timeout)
        return ask(api, name, timeout=timeout)

    def downloading(name: str, **options: Any) -> Any:
        assert options["local_files_only"]  # else the client's own patience is ten seconds, many times
        return download(name, **options)

    monkeypatch.setattr(loading.HfApi, "repo_info", asking)
    monkeypatch.setattr(loading, "snapshot_download", downloading)
    assert loading.located("somebody/toy") == cache  # what was downloaded before
    with pytest.raises(LatentoptError, match="the hub gave no such model"):
        loading.located("somebody/else")
    assert asked == [0.2, 0.2]


@pytest.mark.parametrize("name", ["nothing", "no/such/folder", "/no/folder", "./nothing"])
def test_what_can_be_no_name_is_not_asked_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading.HfApi, "repo_info", lambda *_, **__: pytest.fail("the hub was asked"))
    with pytest.raises(LatentoptError, match="there is no such directory; a model is a directory made by"):
        LatentSpace.from_pretrained(name)

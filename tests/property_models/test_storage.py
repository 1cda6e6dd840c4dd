"""Heads on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from property_models import HeadError, LogisticHead, MLPEnsembleClassifier, MLPEnsembleRegressor, RidgeHead, load, save
from property_models.storage import names_in

X = np.random.default_rng(0).normal(size=(200, 5))
Y = np.round(np.exp(X[:, 0] + 2))
FAST = {"members": 2, "hidden": 4, "epochs": 2}
HEADS = [
    RidgeHead(scale="log1p").fit(X, Y, groups=np.arange(200) % 7),
    MLPEnsembleRegressor(**FAST).fit(X, Y),  # type: ignore[arg-type]
    LogisticHead().fit(X, np.where(Y > 7, "yes", "no")),
    MLPEnsembleClassifier(**FAST).fit(X, (Y > 7).astype(int) + (Y > 20)),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("head", HEADS, ids=lambda h: h.kind)
def test_a_loaded_head_predicts_what_the_saved_one_did(head: RidgeHead, tmp_path: Path) -> None:
    save(head, tmp_path / "likes", name="likes", space="abc", metrics={"r2": 0.5})
    loaded = load(tmp_path / "likes", space="abc")
    assert (loaded.name, loaded.metrics) == ("likes", {"r2": 0.5})
    if isinstance(head, LogisticHead | MLPEnsembleClassifier):
        assert loaded.predict(X).tolist() == head.predict(X).tolist()
        assert np.allclose(loaded.predict_proba(X), head.predict_proba(X), atol=1e-5)
    else:
        assert np.allclose(loaded.predict(X), head.predict(X), rtol=1e-4, atol=1e-4)
        assert np.allclose(loaded.interval(X), head.interval(X), rtol=1e-3, atol=1e-3)
        assert loaded.typical == head.typical
        assert loaded.score_range == pytest.approx(head.score_range)
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["head.json", "head.safetensors"]
    assert names_in(tmp_path) == ["likes"]


def test_a_head_of_another_space_is_refused(tmp_path: Path) -> None:
    save(HEADS[0], tmp_path, name="likes", space="abc")
    with pytest.raises(HeadError, match=r"'likes' was fitted on another latent space \(abc\) than this one \(xyz\)"):
        load(tmp_path, space="xyz")


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    save(HEADS[0], tmp_path, name="likes", space="abc")
    weights = tmp_path / "head.safetensors"
    weights.write_bytes(weights.read_bytes()[:-20])
    with pytest.raises(HeadError, match="the head is damaged"):
        load(tmp_path, space="abc")


def test_weights_of_another_head_are_refused(tmp_path: Path) -> None:
    save(HEADS[0], tmp_path / "a", name="likes", space="abc")
    save(HEADS[1], tmp_path / "b", name="likes", space="abc")
    (tmp_path / "a/head.safetensors").write_bytes((tmp_path / "b/head.safetensors").read_bytes())
    with pytest.raises(HeadError, match="the head is damaged"):
        load(tmp_path / "a", space="abc")


def test_a_directory_without_a_head_is_named(tmp_path: Path) -> None:
    with pytest.raises(HeadError, match=r"made by 'latentopt fit'; head\.json is missing"):
        load(tmp_path, space=None)

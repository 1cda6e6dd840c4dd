"""Heads on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latentopt.errors import LatentoptError
from latentopt.heads import Fitted, fit_head, load_fitted, load_head, read_head, rows_of, save_head
from latentopt.heads.storage import names_in
from property_models import LogisticHead, MLPEnsembleClassifier, MLPEnsembleRegressor, RidgeHead
from tests.tables.failing import failing_at_each_step
from tests.toy import toy_space, toy_texts

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
    save_head(head, tmp_path / "likes", name="likes", space="abc", metrics={"r2": 0.5})
    loaded = read_head(tmp_path / "likes", space="abc")
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
    save_head(HEADS[0], tmp_path, name="likes", space="abc")
    with pytest.raises(
        LatentoptError, match=r"'likes' was fitted on another latent space \(abc\) than this one \(xyz\)"
    ):
        read_head(tmp_path, space="xyz")


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    save_head(HEADS[0], tmp_path, name="likes", space="abc")
    weights = tmp_path / "head.safetensors"
    weights.write_bytes(weights.read_bytes()[:-20])
    with pytest.raises(LatentoptError, match="the head is damaged"):
        read_head(tmp_path, space="abc")


def test_weights_of_another_head_are_refused(tmp_path: Path) -> None:
    save_head(HEADS[0], tmp_path / "a", name="likes", space="abc")
    save_head(HEADS[1], tmp_path / "b", name="likes", space="abc")
    (tmp_path / "a/head.safetensors").write_bytes((tmp_path / "b/head.safetensors").read_bytes())
    with pytest.raises(LatentoptError, match="the head is damaged"):
        read_head(tmp_path / "a", space="abc")


def test_a_directory_without_a_head_is_named(tmp_path: Path) -> None:
    with pytest.raises(LatentoptError, match=r"made by 'latentopt fit'; head\.json is missing"):
        read_head(tmp_path, space=None)


@pytest.mark.parametrize("head", HEADS[:2], ids=lambda h: h.kind)
def test_a_head_that_could_not_be_written_leaves_the_earlier_one_whole(
    head: RidgeHead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = type(head)(**head.get_params()).fit(X, Y[::-1])  # weights of the same shape: a mixture would be believed
    save_head(head, tmp_path / "likes", name="earlier", space="abc")
    predictions = {"earlier": head.predict(X), "later": other.predict(X)}
    seen = []
    for _ in failing_at_each_step(monkeypatch, lambda: save_head(other, tmp_path / "likes", name="later", space="abc")):
        found = read_head(tmp_path / "likes", space="abc")
        assert found.name is not None
        assert np.allclose(found.predict(X), predictions[found.name], rtol=1e-4, atol=1e-4)
        assert names_in(tmp_path) == ["likes"]
        seen.append(found.name)
    assert seen[0] == "earlier"
    assert seen[-1] == "later"


def test_head_reader_and_stack_of_one_fit_are_never_mixed_with_those_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, texts = toy_space(), toy_texts(120)
    earlier, later = (
        fit_head(rows_of(space, texts, [len(text) * sign for text in texts]), scale="identity") for sign in (1, -1)
    )
    z = space.pooled(space.encode(texts[:20]))
    predictions = {name: fitted.stacked.predict(z, texts[:20]) for name, fitted in (("e", earlier), ("l", later))}
    earlier.save_pretrained(tmp_path / "length", name="e", space=space)
    seen = []
    for _ in failing_at_each_step(
        monkeypatch, lambda: later.save_pretrained(tmp_path / "length", name="l", space=space)
    ):
        found = load_fitted(tmp_path / "length", space)
        name = str(load_head(tmp_path / "length", space).name)
        assert found.shown.predict(z, texts[:20]) == pytest.approx(predictions[name], rel=0.02)
        seen.append(name)
    assert (seen[0], seen[-1]) == ("e", "l")


def test_what_else_lies_beside_a_head_stays_and_its_files_are_for_all_who_may_read(tmp_path: Path) -> None:
    save_head(HEADS[0], tmp_path / "likes", name="likes", space="abc")
    (tmp_path / "likes" / "notes.txt").write_text("mine")
    save_head(HEADS[1], tmp_path / "likes", name="likes", space="abc", stem="reader")
    files = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "likes").iterdir()}
    assert files.keys() == {"head.json", "head.safetensors", "reader.json", "reader.safetensors", "notes.txt"}
    assert set(files.values()) == {files["notes.txt"]}  # the umask's
    assert read_head(tmp_path / "likes", space="abc").kind == HEADS[0].kind


@pytest.mark.parametrize("how", ["head", "fitted"])
def test_a_head_that_is_saved_alone_has_no_reader_of_an_earlier_fit(tmp_path: Path, how: str) -> None:
    for stem in ("head", "reader", "stacked"):
        save_head(HEADS[0], tmp_path, name="likes", space="abc", stem=stem)
    (tmp_path / "notes.txt").write_text("mine")
    space = toy_space()
    if how == "head":
        save_head(HEADS[1], tmp_path, name="likes", space=space.fingerprint)
    else:
        Fitted(HEADS[1], None, None, {}).save_pretrained(tmp_path, name="likes", space=space)
    found = load_fitted(tmp_path, space)
    assert (found.reader, found.stacked) == (None, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["head.json", "head.safetensors", "notes.txt"]


def test_a_reader_that_is_saved_again_leaves_no_stack_that_weighed_the_earlier_one(tmp_path: Path) -> None:
    for stem in ("head", "reader", "stacked", "reader"):
        save_head(HEADS[0], tmp_path, name="likes", space="abc", stem=stem)
    assert not (tmp_path / "stacked.json").exists()
    assert (tmp_path / "head.json").exists()


def test_what_a_killed_writer_left_is_no_head(tmp_path: Path) -> None:
    save_head(HEADS[0], tmp_path / "heads" / ".likes.01ab.tmp", name="likes", space="abc")
    assert names_in(tmp_path / "heads") == []

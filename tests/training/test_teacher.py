"""A teacher's embeddings: means over tokens, computed once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, BertConfig, BertModel

from latentopt.errors import LatentoptError
from latentopt.model.tokenizer import train_tokenizer
from latentopt.training import teacher as teaching
from latentopt.training.recipe import Recipe
from latentopt.training.starts import NewT5, Shape
from latentopt.training.teacher import TeacherEmbeddings, embedding_dim
from latentopt.training.trainer import train
from tests.toy import toy_texts

TEXTS = toy_texts(40)


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    folder = tmp_path / "teacher"
    tokenizer = train_tokenizer(TEXTS, vocab_size=300)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=300, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, pad_token_id=0
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))
    return folder


def test_they_are_means_over_the_tokens_of_unit_length(teacher: Path, tmp_path: Path) -> None:
    found = TeacherEmbeddings(teacher, TEXTS, cache=tmp_path)[range(40)]
    assert found.shape == (40, embedding_dim(teacher)) == (40, 32)
    tokenizer, model = train_tokenizer(TEXTS, vocab_size=300), AutoModel.from_pretrained(teacher).eval()
    with torch.no_grad():
        alone = model(torch.tensor([tokenizer(TEXTS[7]).input_ids])).last_hidden_state[0].mean(0)
    assert np.allclose(found[7], torch.nn.functional.normalize(alone, dim=0), atol=0.02)  # bf16 where it is quick
    assert np.allclose(np.linalg.norm(found.astype(np.float32), axis=1), 1, atol=1e-2)


def test_each_is_computed_once_and_when_it_is_needed(
    teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = TeacherEmbeddings(teacher, TEXTS, cache=tmp_path)[[3, 30]]
    with monkeypatch.context() as patched:
        patched.setattr(teaching, "AutoModel", None)
        again = TeacherEmbeddings(teacher, TEXTS, cache=tmp_path)
        assert np.array_equal(again[[30, 3]], found[::-1])
        with pytest.raises(LatentoptError, match="no teacher could be loaded"):
            again[[3, 4]]
    others = TeacherEmbeddings(teacher, TEXTS[::-1], cache=tmp_path)
    assert np.allclose(others[[36, 9]], found, atol=0.02)
    assert len(list(tmp_path.glob("embeddings-*.npy"))) == 2


def test_many_are_computed_before_they_are_read(teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teaching, "TOGETHER", 7)  # several batches
    known = TeacherEmbeddings(teacher, TEXTS, cache=tmp_path)
    known.compute(range(30))
    with monkeypatch.context() as patched:
        patched.setattr(teaching, "AutoModel", None)
        found = known[range(30)]
        with pytest.raises(LatentoptError, match="no teacher could be loaded"):
            known[[30]]
    others = TeacherEmbeddings(teacher, TEXTS[::-1], cache=tmp_path)
    assert np.allclose(others[range(39, 9, -1)], found, atol=0.02)


def test_one_that_a_killed_run_left_half_written_is_computed_again(teacher: Path, tmp_path: Path) -> None:
    found = TeacherEmbeddings(teacher, TEXTS, cache=tmp_path)[[5]]
    (file,) = tmp_path.glob("embeddings-*.npy")
    kept = np.load(file, mmap_mode="r+")
    kept[5, 16:] = 0
    kept.flush()
    assert np.allclose(TeacherEmbeddings(teacher, TEXTS, cache=tmp_path)[[5]], found, atol=0.01)


def test_a_teacher_that_pools_in_another_way_is_refused(teacher: Path, tmp_path: Path) -> None:
    (teacher / "1_Pooling/config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    with pytest.raises(LatentoptError, match="must pool by the mean of its tokens"):
        TeacherEmbeddings(teacher, TEXTS, cache=tmp_path)


def test_a_folder_without_a_teacher_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LatentoptError, match="no directory of a sentence-transformers model"):
        embedding_dim(tmp_path)


def test_a_model_keeps_the_projection_that_it_has_learned(teacher: Path, tmp_path: Path) -> None:
    shape = Shape(latent_dim=12, pooled_dim=8, pooled_slots=2, positions=32)
    start = NewT5(shape, vocab_size=300, d_model=32, layers=1, heads=2)
    recipe = Recipe(start=start, teacher=teacher, batch_size=8, max_steps=2, eval_steps=2)
    space = train(recipe, TEXTS, TEXTS[:4], tmp_path / "model")
    assert space.model.config.embedding_dim == 32
    assert space.embed(space.pooled(space.encode(TEXTS[:3]))).shape == (3, 32)
    log = json.loads((tmp_path / "model/checkpoint-2/trainer_state.json").read_text())["log_history"]
    assert 0 < next(row["teacher"] for row in log if "teacher" in row) < 2
    (tmp_path / "moved").mkdir()
    moved = teacher.rename(tmp_path / "moved" / "teacher")  # it is known by what it is, not by where it lies
    train(replace(recipe, teacher=moved), TEXTS, TEXTS[:4], tmp_path / "model")
    with pytest.raises(LatentoptError, match=r"teacher: teacher \(\w{8}\), now None"):
        train(replace(recipe, teacher=None), TEXTS, TEXTS[:4], tmp_path / "model")

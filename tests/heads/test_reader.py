"""Readers, on texts whose properties are known."""

import numpy as np
import pytest

from latentopt.errors import LatentoptError
from latentopt.heads import Reader, fit_reader, load_fitted, save_head
from latentopt.heads.reader import bits_for, counted
from latentopt.space import LatentSpace
from property_models import HeadError, RidgeHead
from tests.toy import toy_space, toy_texts

TEXTS = toy_texts(400, seed=5)
LENGTHS = np.array([float(len(text)) for text in TEXTS])
WHEN = np.array([text.rsplit(" ", 1)[1] for text in TEXTS], dtype=object)


@pytest.fixture(scope="module")
def lengths():
    return fit_reader(TEXTS[:300], LENGTHS[:300], alpha=0.1)


@pytest.fixture(scope="module")
def ends():
    return fit_reader(TEXTS[:300], WHEN[:300])


def test_a_number_is_read_from_words(lengths):
    error = lengths.predict(TEXTS[300:]) - LENGTHS[300:]
    assert np.var(error) < 0.3 * np.var(LENGTHS)
    assert lengths.predict_score(TEXTS[:3]) == pytest.approx(lengths.predict(TEXTS[:3]))


def test_intervals_cover_new_texts(lengths):
    low, high = lengths.interval(TEXTS[300:]).T
    assert 0.8 < ((low <= LENGTHS[300:]) & (LENGTHS[300:] <= high)).mean() <= 1


def test_groups_are_taken_off_and_another_group_can_be_predicted_for():
    level = 10.0 * (np.arange(400) % 4)
    reader = fit_reader(TEXTS, LENGTHS + level, groups=np.arange(400) % 4, alpha=0.1)
    assert np.corrcoef(reader.predict(TEXTS), LENGTHS)[0, 1] > 0.9
    shifted = reader.with_typical(500)
    assert shifted.typical == 500
    assert np.ptp(shifted.predict(TEXTS) - reader.predict(TEXTS)) == pytest.approx(0, abs=1e-9)


def test_classes_are_read_and_each_is_a_reader_of_its_own(ends):
    assert (ends.predict(TEXTS[300:]) == WHEN[300:]).mean() > 0.95
    winter = ends.for_class("winter")
    column = sorted(set(WHEN)).index("winter")
    assert winter.predict(TEXTS) == pytest.approx(ends.probabilities(TEXTS)[:, column])
    assert 1 / (1 + np.exp(-winter.predict_score(TEXTS))) == pytest.approx(winter.predict(TEXTS))
    with pytest.raises(HeadError, match="choose one with for_class"):
        ends.predict_score(TEXTS)
    with pytest.raises(HeadError, match="has no interval"):
        winter.interval(TEXTS)


def test_a_text_is_read_alike_alone_and_among_others(lengths):
    assert lengths.predict(TEXTS[:1])[0] == lengths.predict(TEXTS)[0]


def test_a_reader_knows_how_a_text_begins():
    counts = counted(["@user thanks", "thanks @user"], bits=14)
    assert (counts[0] != counts[1]).nnz > 0


def test_what_is_loaded_reads_as_what_was_saved_and_is_small(lengths, ends, tmp_path):
    for reader in (lengths, ends):
        reader.save_pretrained(tmp_path / "it", name="it", metrics={"r2": 0.5})
        loaded = Reader.from_pretrained(tmp_path / "it")
        assert (loaded.name, loaded.estimator.metrics, loaded.bits) == ("it", {"r2": 0.5}, reader.bits)
        assert loaded.predict(TEXTS).tolist() == reader.predict(TEXTS).tolist()
        files = {path.name: path.stat().st_size for path in (tmp_path / "it").iterdir()}
        assert set(files) == {"reader.json", "reader.safetensors"}
        assert files["reader.safetensors"] < 1.1 * 2**20
    lengths.save_pretrained(tmp_path / "it", name="it")
    assert Reader.from_pretrained(tmp_path / "it").interval(TEXTS) == pytest.approx(lengths.interval(TEXTS), rel=1e-3)


def test_many_classes_have_fewer_hashes_each():
    assert bits_for(np.array([1.0, 2.0])) == bits_for(np.array(["a", "b"], dtype=object)) == 18
    assert bits_for(np.array([f"class {i}" for i in range(13)], dtype=object)) == 15


def test_a_reader_of_another_kind_of_counts_is_refused(lengths, tmp_path):
    save_head(lengths.estimator, tmp_path, name="it", space="words, 0", stem="reader")
    with pytest.raises(LatentoptError, match="fit it again"):
        Reader.from_pretrained(tmp_path)


def test_a_reader_is_found_beside_its_head(lengths, tmp_path):
    toy_space().save_pretrained(tmp_path / "model")
    space = LatentSpace.from_pretrained(tmp_path / "model")
    x = np.random.default_rng(0).normal(size=(30, space.latent_dim))
    for directory in (tmp_path / "length", space.path / "heads" / "length", space.path / "heads" / "alone"):
        save_head(RidgeHead().fit(x, x[:, 0]), directory, name="length", space=space.fingerprint)
    lengths.save_pretrained(tmp_path / "length", name="length")
    lengths.save_pretrained(space.path / "heads" / "length", name="length")
    for where in ("length", tmp_path / "length"):
        found = load_fitted(where, space).reader
        assert found is not None
        assert found.predict(TEXTS).tolist() == lengths.predict(TEXTS).tolist()
    assert load_fitted("alone", space).reader is None
    with pytest.raises(LatentoptError, match="mood: there is no such head"):
        load_fitted("mood", space)

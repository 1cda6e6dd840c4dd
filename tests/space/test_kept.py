"""Latents that `latentopt encode` wrote, taken in place of encoding."""

import numpy as np
import pandas
import pytest

from latentopt.errors import LatentoptError
from latentopt.space import kept_latents
from tests.toy import toy_space, toy_texts

TEXTS = list(dict.fromkeys(toy_texts(60, seed=3)))[:40]


@pytest.fixture(scope="module")
def space():
    return toy_space()


@pytest.fixture(scope="module")
def latents(space):
    return space.encode(TEXTS).numpy()


@pytest.fixture
def write(tmp_path):
    def written(texts, latents, name="z.parquet"):
        pandas.DataFrame({"text": texts, "z": list(latents)}).to_parquet(tmp_path / name)
        return tmp_path / name

    return written


def test_latents_are_found_by_their_texts(space, latents, write):
    marked = latents.copy()
    marked[5] += 0.001  # nothing that encodes gives this
    order = np.random.default_rng(0).permutation(40)
    path = write([TEXTS[i] for i in order], marked[order])
    z, missing = kept_latents(space, [TEXTS[5], *TEXTS, TEXTS[5]], path)
    np.testing.assert_array_equal(z, marked[[5, *range(40), 5], : space.pooled_dim])
    assert missing == 0


def test_texts_that_are_not_there_are_encoded(space, latents, write):
    path = write([*TEXTS[:30], None, "of no use"], [*latents[:30], None, None])
    z, missing = kept_latents(space, TEXTS, path)
    np.testing.assert_allclose(z, latents[:, : space.pooled_dim], atol=1e-5)
    assert missing == 10


def test_a_folder_of_shards_is_one(space, latents, write, tmp_path):
    write(TEXTS[::2], latents[::2], "1.parquet")
    write(TEXTS[1::2], latents[1::2], "2.parquet")
    z, missing = kept_latents(space, TEXTS, tmp_path)
    np.testing.assert_array_equal(z, latents[:, : space.pooled_dim])
    assert missing == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda z: z[np.random.default_rng(0).permutation(40)], "these are latents of another model"),
        (lambda z: z[:, 1:], "holds no latents of"),
        (lambda z: np.where(z == z[3, 2], np.inf, z), "latents must be finite numbers"),
        (lambda z: z[:, 0], "holds no latents of"),
    ],
)
def test_what_are_no_latents_of_this_model_is_refused(space, latents, write, change, message):
    with pytest.raises(LatentoptError, match=message):
        kept_latents(space, TEXTS, write(TEXTS, change(latents)))


def test_a_file_of_other_texts_or_columns_or_of_another_kind_is_refused(space, latents, write, tmp_path):
    with pytest.raises(LatentoptError, match="holds none of the 1 texts; encode the file that these are of"):
        kept_latents(space, ["never written"], write(TEXTS, latents))
    pandas.DataFrame({"text": TEXTS}).to_parquet(tmp_path / "texts.parquet")
    with pytest.raises(LatentoptError, match="there are no columns 'text' and 'z'; `latentopt encode --output`"):
        kept_latents(space, TEXTS, tmp_path / "texts.parquet")
    pandas.DataFrame({"text": TEXTS}).to_csv(tmp_path / "texts.csv")
    with pytest.raises(LatentoptError, match=r"latents are read from \.parquet"):
        kept_latents(space, TEXTS, tmp_path / "texts.csv")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1, and then no more")
    with pytest.raises(LatentoptError, match="not a Parquet file that can be read"):
        kept_latents(space, TEXTS, tmp_path / "torn.parquet")

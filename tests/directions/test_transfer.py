import pytest
import torch
from sklearn.exceptions import NotFittedError

from latentopt import AttributeTransfer
from latentopt.directions import Direction, mean_difference
from latentopt.errors import LatentoptError
from tests.toy import toy_space, toy_texts

pytestmark = pytest.mark.filterwarnings("ignore:this model has no density")

SOURCE = toy_texts(30, seed=1)
TARGET = [f"please, {text}" for text in SOURCE]


@pytest.fixture(scope="module")
def space():
    return toy_space()


@pytest.fixture(scope="module")
def fitted(space):
    return AttributeTransfer(space).fit(SOURCE, TARGET)


def test_transform_moves_texts_along_the_fitted_direction(space, fitted):
    texts = ["the baker sings", "a nurse reads"]
    step = fitted.direction_.vector
    assert fitted.transform(texts) == space.decode(space.encode(texts) + step)
    assert fitted.transform(texts, strength=-2.5) == space.decode(space.encode(texts) - 2.5 * step)
    assert fitted.transform(texts, strength=0) == space.decode(space.encode(texts))


def test_the_mean_difference_of_pairs_does_not_depend_on_their_order(space):
    transfer = AttributeTransfer(space, miner=mean_difference)
    paired = transfer.fit(SOURCE, TARGET).direction_.vector
    unpaired = transfer.fit(SOURCE, TARGET[::-1], paired=False).direction_.vector
    torch.testing.assert_close(paired, unpaired, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(paired, (space.encode(TARGET) - space.encode(SOURCE)).mean(0), atol=1e-5, rtol=1e-4)


def test_pairs_are_trusted_more_than_texts_that_are_none(space):
    paired = AttributeTransfer(space).fit(SOURCE, TARGET).direction_.vector
    unpaired = AttributeTransfer(space).fit(SOURCE, TARGET, paired=False).direction_.vector
    assert unpaired.norm() < paired.norm()


def test_texts_of_different_number_are_no_pairs_unless_said(space):
    transfer = AttributeTransfer(space).fit(SOURCE, TARGET[:20])
    assert transfer.direction_.statistics == {"sources": 30, "targets": 20, "paired": False}
    with pytest.raises(LatentoptError, match="got 30 sources and 20 targets; for texts that are no pairs"):
        AttributeTransfer(space).fit(SOURCE, TARGET[:20], paired=True)


def test_the_direction_can_be_kept(space, fitted, tmp_path):
    fitted.direction_.save_pretrained(tmp_path / "polite.safetensors")
    loaded = Direction.from_pretrained(tmp_path / "polite.safetensors", space=space.fingerprint)
    assert torch.equal(loaded.vector, fitted.direction_.vector)


def test_it_is_an_estimator_of_scikit_learn(space, fitted):
    assert AttributeTransfer(space).get_params() == {"space": space, "miner": None}
    assert fitted.fit(SOURCE, TARGET) is fitted
    with pytest.raises(NotFittedError, match="This AttributeTransfer instance is not fitted yet"):
        AttributeTransfer(space).transform(["the sun is up"])


def test_texts_that_are_none_are_refused(space, fitted):
    for source, target in (([], []), (SOURCE, []), ([], TARGET)):
        with pytest.raises(LatentoptError, match="texts are needed on both sides"):
            AttributeTransfer(space).fit(source, target)
    with pytest.raises(LatentoptError, match="one string"):
        fitted.transform("the sun is up")
    with pytest.raises(LatentoptError, match="with a visible character"):
        fitted.transform(["the sun is up", " "])
    with pytest.raises(LatentoptError, match="strength must be a finite number"):
        fitted.transform(["the sun is up"], strength=float("nan"))

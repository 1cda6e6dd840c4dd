import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from latentopt import AttributeTransfer, LatentSpace
from latentopt.directions import Direction, Mean, edit_as_needed, mining
from latentopt.editing import Along, TextEditor
from latentopt.errors import LatentoptError
from tests.toy import toy_space, toy_texts

pytestmark = pytest.mark.filterwarnings("ignore:this model has no density")

SOURCE = list(dict.fromkeys(toy_texts(40, seed=1)))[:30]
TARGET = [f"please, {text}" for text in SOURCE]
PAIRS = list(zip(SOURCE, TARGET, strict=True))
BOTH, TONE = [*SOURCE, *TARGET], ["rude"] * 30 + ["polite"] * 30


@pytest.fixture(scope="module")
def space():
    return toy_space()


@pytest.fixture(scope="module")
def fitted(space):
    return AttributeTransfer(space).fit(PAIRS)


def vector(transfer):
    return transfer.direction_.vector


def test_transform_edits_texts_along_the_fitted_direction(space, fitted):
    texts = ["the baker sings", "a nurse reads"]
    editor = TextEditor(space, Along(fitted.direction_, 1.0), readers=fitted.direction_.readers())
    assert fitted.transform(texts, strength=1.0) == editor.transform(texts)
    assert fitted.transform(pd.Series(texts), strength=0) == texts  # nothing is to be changed


def test_each_text_has_the_strength_that_it_needs(space, fitted):
    texts = ["the baker sings", "please, the old baker paints small boats in winter"]
    found = edit_as_needed(fitted.direction_, texts, fitted._editor())
    assert fitted.transform(texts) == fitted.transform(texts, strength="auto") == [one.edit.text for one in found]
    assert found[1].strength is None  # it is polite as it stands


def test_the_score_is_the_share_that_a_judge_finds_to_have_the_attribute(fitted, monkeypatch):
    texts = toy_texts(4, seed=9)
    polite = {text: f"please, {text}" if i else text for i, text in enumerate(texts)}
    monkeypatch.setattr(AttributeTransfer, "transform", lambda self, X: [polite[text] for text in X])
    assert fitted.judge_ is not fitted.direction_.reader
    assert fitted.score(texts) == 0.75


def test_the_judge_learns_from_other_sources_than_the_reader(space, monkeypatch):
    seen = []
    monkeypatch.setattr(mining, "fit_style_reader", lambda *sides, groups: seen.append(sides))
    AttributeTransfer(space).fit([(text, f"{word}, {text}") for text in SOURCE for word in ("please", "kindly")])
    (reader, targets), (judge, _) = seen
    assert len(reader) == len(judge) == 15
    assert {*reader} | {*judge} == {*SOURCE}
    assert {*targets} == {f"{word}, {text}" for text in reader for word in ("please", "kindly")}


def test_few_examples_have_no_judge(space):
    with pytest.warns(UserWarning, match=r"needs 16 different texts of each kind.*got 8 and 8: .*; give more"):
        few = AttributeTransfer(space).fit(PAIRS[:8])
    assert few.judge_ is None and few.direction_.reader is None
    with pytest.raises(LatentoptError, match="a score needs a judge of the words, which needs 16 examples"):
        few.score(["the sun is up"])


@pytest.mark.parametrize("examples", [(PAIRS[:1],), ([SOURCE[0], *TARGET], [0] + [1] * 30)])
def test_of_one_example_a_transfer_learns_and_warns(space, examples):
    with pytest.warns(UserWarning, match=r"got 1 and (1|30): edits may not have what they should"):
        assert vector(AttributeTransfer(space).fit(*examples)).any()


def test_of_enough_examples_nothing_is_warned(space, recwarn):
    AttributeTransfer(space, miner=Mean()).fit(PAIRS)
    assert not [warning for warning in recwarn if "a transfer needs" in str(warning.message)]


@pytest.mark.parametrize(
    "pairs",
    [tuple(PAIRS), np.array(PAIRS), pd.DataFrame(PAIRS, columns=["rude", "polite"])],
    ids=["tuple", "array", "data frame"],
)
def test_pairs_come_as_people_hold_them(space, fitted, pairs):
    assert torch.equal(vector(AttributeTransfer(space).fit(pairs)), vector(fitted))


@pytest.mark.parametrize(
    "labels",
    [[0] * 30 + [1] * 30, np.repeat([False, True], 30), pd.Series(["a", "b"]).repeat(30), np.repeat([-1.0, 1.0], 30)],
    ids=["integers", "booleans", "a column", "numbers"],
)
def test_labels_lead_from_the_first_kind_to_the_second(space, labels):
    found = AttributeTransfer(space, miner=Mean()).fit(BOTH, labels)
    expected = space.pooled(space.encode(TARGET)).mean(0) - space.pooled(space.encode(SOURCE)).mean(0)
    torch.testing.assert_close(vector(found), expected, atol=1e-2, rtol=1e-2)  # encoded in bf16
    assert found.direction_.statistics == {"sources": 30, "targets": 30, "paired": False}


def test_the_label_of_the_target_can_be_named(space):
    to_rude = AttributeTransfer(space).fit(BOTH, TONE)  # as in scikit-learn: the second in order
    to_polite = AttributeTransfer(space, target="polite").fit(BOTH, TONE)
    torch.testing.assert_close(vector(to_polite), -vector(to_rude))
    with pytest.raises(LatentoptError, match="one of the labels, 'polite' or 'rude', got 'kind'"):
        AttributeTransfer(space, target="kind").fit(BOTH, TONE)


def test_the_mean_difference_of_pairs_is_that_of_their_sides(space):
    paired = vector(AttributeTransfer(space, miner=Mean()).fit(PAIRS))
    unpaired = vector(AttributeTransfer(space, miner=Mean(), target="polite").fit(BOTH, TONE))
    torch.testing.assert_close(paired, unpaired, atol=1e-2, rtol=1e-2)


def test_pairs_are_trusted_more_than_texts_that_are_none(space, fitted):
    unpaired = AttributeTransfer(space, target="polite").fit(BOTH, TONE)
    assert vector(unpaired).norm() < vector(fitted).norm()


def test_the_direction_can_be_kept(space, fitted, tmp_path):
    fitted.direction_.save_pretrained(tmp_path / "polite.safetensors")
    loaded = Direction.from_pretrained(tmp_path / "polite.safetensors", space=space.fingerprint)
    assert torch.equal(loaded.vector, vector(fitted))


def test_without_a_space_the_bundled_model_is_taken(space, monkeypatch):
    monkeypatch.setattr(LatentSpace, "from_pretrained", lambda: space)
    assert AttributeTransfer().fit(PAIRS).space_ is space


class TestEstimator:
    def test_a_clone_has_the_same_space_and_not_a_copy_of_its_model(self, space, fitted):
        other = clone(AttributeTransfer(space, target="polite", miner=Mean()))
        assert other.get_params() == {"space": space, "target": "polite", "miner": Mean()}
        assert other.space.model is space.model
        with pytest.raises(NotFittedError):
            clone(fitted).transform(["the sun is up"])

    def test_a_pipeline_takes_it(self, space):
        pipeline = clone(make_pipeline(AttributeTransfer(space, target="polite")))
        assert pipeline.fit(BOTH, TONE).transform(["the sun is up"]) == (
            AttributeTransfer(space, target="polite").fit(BOTH, TONE).transform(["the sun is up"])
        )

    def test_fit_gives_the_estimator_back_and_transform_needs_it(self, space, fitted):
        assert fitted.fit(PAIRS) is fitted
        with pytest.raises(NotFittedError, match="This AttributeTransfer instance is not fitted yet"):
            AttributeTransfer(space).transform(["the sun is up"])


class TestRefused:
    @pytest.mark.parametrize("texts", [SOURCE, [], [("a", "b", "c")], [("a", "b"), ("c",)], "the sun is up", None])
    def test_texts_without_labels_that_are_no_pairs(self, space, texts):
        with pytest.raises(LatentoptError, match=r"texts without labels are pairs \(n, 2\)"):
            AttributeTransfer(space).fit(texts)

    @pytest.mark.parametrize("labels", [[0] * 60, [0, 1, 2] * 20, ["a"] * 60])
    def test_labels_of_another_number_of_kinds_than_two(self, space, labels):
        with pytest.raises(LatentoptError, match=f"two kinds of texts which is which, got {len(set(labels))}: "):
            AttributeTransfer(space).fit(BOTH, labels)

    def test_labels_that_are_too_few(self, space):
        with pytest.raises(LatentoptError, match=r"each text needs its label, got 60 texts and labels of \(2,\)"):
            AttributeTransfer(space).fit(BOTH, [0, 1])

    def test_what_is_no_text(self, space, fitted):
        with pytest.raises(LatentoptError, match=r"text 1 is missing \(None\)"):
            AttributeTransfer(space).fit([("a sun", "the sun"), (None, "the moon")])
        with pytest.raises(LatentoptError, match="one string"):
            fitted.transform("the sun is up")
        with pytest.raises(LatentoptError, match="with a visible character"):
            fitted.transform(["the sun is up", " "])
        with pytest.raises(LatentoptError, match="the strength is a finite number"):
            fitted.transform(["the sun is up"], strength=float("nan"))
        with pytest.raises(LatentoptError, match="the strength is a finite number or \"auto\", got 'much'"):
            fitted.transform(["the sun is up"], strength="much")

    def test_a_strength_that_no_text_follows_is_warned_of(self, fitted):
        with pytest.warns(UserWarning, match="strength 50 is 50 times what targets differ from their sources by"):
            fitted.transform(["the sun is up"], strength=50)

    def test_pairs_of_texts_with_themselves(self, space):
        with pytest.raises(LatentoptError, match="no usable pair is left of 30: 30 of a text with itself"):
            AttributeTransfer(space).fit(list(zip(SOURCE, SOURCE, strict=True)))

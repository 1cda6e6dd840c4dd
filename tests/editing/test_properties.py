"""The properties that can be wished for by name, and what is made of a wish in words."""

import numpy as np
import pytest

from latentopt.editing import AtLeast, AtMost, Target
from latentopt.editing.properties import Properties, WishError
from latentopt.errors import LatentoptError
from latentopt.heads import fit_reader, save_head
from property_models import LogisticHead, RidgeHead
from property_models.errors import HeadError
from tests.toy import toy_space, toy_texts


@pytest.fixture(scope="module")
def space():
    return toy_space()


@pytest.fixture(scope="module")
def folder(space, tmp_path_factory):
    """Heads with readers: likes, a number with groups, and tone, two classes."""
    folder = tmp_path_factory.mktemp("heads")
    texts = toy_texts(200)
    z = space.pooled(space.encode(texts)).numpy()
    likes, tone, groups = np.exp(3 + z[:, 0]), np.where(z[:, 1] > 0, "warm", "cold"), np.arange(200) % 5
    save_head(
        RidgeHead(scale="log1p").fit(z, likes, groups=groups), folder / "likes", name="likes", space=space.fingerprint
    )
    save_head(LogisticHead().fit(z, tone), folder / "tone", name="tone", space=space.fingerprint)
    fit_reader(texts, likes, groups=groups, scale="log1p").save_pretrained(folder / "likes", name="likes")
    fit_reader(texts, tone).save_pretrained(folder / "tone", name="tone")
    return folder


def test_a_head_has_a_reader_for_each_of_its_properties(space, folder):
    properties = Properties(space, [folder / "likes", folder / "tone"])
    assert properties.readers() == {}  # nothing was asked for
    properties.one("likes"), properties.one("tone")
    assert set(properties.readers()) == {"likes", "tone=cold", "tone=warm"}
    cold, warm = (properties.readers()[f"tone={label}"].predict(["warm bread"]) for label in ("cold", "warm"))
    assert cold + warm == pytest.approx(1)


def test_a_typical_value_is_the_head_s_and_the_reader_s(space, folder):
    properties = Properties(space, [folder / "likes"], typical=40)
    properties.one("likes")
    assert properties.typicals() == {"likes": pytest.approx(40)}
    assert properties.readers()["likes"].typical == pytest.approx(40)
    without = Properties(space, [folder / "tone"], typical=40)
    without.one("tone")
    with pytest.raises(WishError, match="--typical is for heads that were fitted with --group"):
        without.typicals()


def test_a_typical_value_may_be_one_property_s_own(space, folder):
    properties = Properties(space, [folder / "likes", folder / "tone"], typical={"likes": 40})
    properties.one("likes"), properties.one("tone")
    assert properties.typicals() == {"likes": pytest.approx(40)}
    without = Properties(space, [folder / "likes", folder / "tone"], typical={"tone": 40})
    without.one("likes"), without.one("tone")
    with pytest.raises(WishError, match="--typical tone: of what is wished for, only likes has groups"):
        without.typicals()


def test_words_become_a_wish(space, folder):
    properties = Properties(space, [folder / "likes", folder / "tone"])
    sure = properties.wish(Target, "tone", "warm")
    assert (type(sure), sure.name, sure.value.item()) == (AtLeast, "tone=warm", pytest.approx(0.9))
    most = properties.wish(AtMost, "likes", "30")
    assert (type(most), most.name, most.value.item()) == (AtMost, "likes", 30)
    assert properties.wish(AtLeast, "tone", "cold").name == "tone=cold"
    with pytest.raises(WishError, match=r"tone=cold: the value must be a number; try tone=0\.5"):
        properties.wish(AtMost, "tone", "cold")
    with pytest.warns(UserWarning, match="almost all that the head has seen lies between"):
        properties.wish(Target, "likes", "1e12")


def test_values_that_a_wish_may_name(space, folder):
    properties = Properties(space, [folder / "likes", folder / "tone"])
    for kind, name, classes in ((Target, "likes", []), (AtLeast, "tone", ["cold", "warm"]), (AtMost, "tone", [])):
        *labels, number = properties.possible(kind, name)
        assert labels == classes
        for value in (*labels, number):
            properties.wish(kind, name, value)  # raises nothing, and warns of nothing
    assert [properties.wish(Target, "likes", "30", own=own).wording for own in (False, True)] == [
        "at 30",
        "at its own value",
    ]


def test_a_class_is_named_with_its_property(space, folder):
    known = Properties(space, [folder / "tone"])
    known.one("tone=cold")
    assert set(known.readers()) == set(known.opinions()) == {"tone=cold", "tone=warm"}
    properties = Properties(space, [folder / "likes", folder / "tone"])
    assert properties.one("tone=cold").name == "tone=cold"
    assert properties.one("tone").name == "tone=warm"
    with pytest.raises(WishError, match="tone has the classes cold, warm; name one: tone=cold"):
        properties.one("tone=hot")
    with pytest.raises(WishError, match="likes has values and no classes; name it alone: likes"):
        properties.one("likes=1000")


def test_one_property_has_one_head(space, folder):
    with pytest.raises(WishError, match="likes was given twice"):
        Properties(space, [folder / "likes", folder / "likes"])
    with pytest.raises(LatentoptError, match="there is no such property; known: tone;"):
        Properties(space, [folder / "tone"]).one("likes")


def test_classes_have_no_typical_value():
    head = LogisticHead().fit(np.arange(10.0)[:, None], np.arange(10) % 2)
    assert head.classes == ("0", "1")
    assert [one.name for one in head.properties] == ["class=0", "class=1"]
    with pytest.raises(HeadError, match="a typical value is one of numbers"):
        head.with_typical(3)

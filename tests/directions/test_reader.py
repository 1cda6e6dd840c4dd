import numpy as np
import pytest
import torch

from latentopt.directions import Direction, fit_style_reader
from latentopt.errors import LatentoptError
from tests.toy import toy_texts

SOURCE = list(dict.fromkeys(toy_texts(80)))
TARGET = [f"kindly, {text}" for text in SOURCE]
NEW = list(dict.fromkeys(toy_texts(20, seed=7)))


@pytest.fixture(scope="module")
def reader():
    return fit_style_reader(SOURCE, TARGET)


def test_it_tells_targets_from_sources_it_has_not_seen(reader):
    assert (reader.predict_score(NEW) < 0).all()
    assert (reader.predict_score([f"kindly, {text}" for text in NEW]) > 0).all()


def test_its_unit_is_what_targets_have_more_than_their_sources(reader):
    gained = reader.predict_score([f"kindly, {text}" for text in NEW]) - reader.predict_score(NEW)
    assert gained.mean() == pytest.approx(1, abs=0.25)


def test_its_unit_is_that_of_new_texts_where_a_source_has_several_targets():
    words = ("kindly", "gladly", "surely", "nicely", "gently", "please", "dearly", "warmly")
    source, new = SOURCE[:24], [text for text in NEW if text not in SOURCE[:24]]
    target = [f"{word}, {text}" for text in source for word in words]
    groups = range(24), [i for i in range(24) for _ in words]
    found = fit_style_reader(source, target, groups=groups)
    gained = found.predict_score([f"{word}, {text}" for text in new for word in words]).mean()
    assert gained - found.predict_score(new).mean() == pytest.approx(1, abs=0.3)
    assert found.unit > 1.5 * fit_style_reader(source, target).unit


@pytest.mark.parametrize("groups", [(range(20), range(20)), ([0] * 20, [0] * 20)])
def test_texts_that_are_alone_or_all_belong_together_are_dealt_in_turn(groups):
    found = fit_style_reader(SOURCE[:20], TARGET[:20], groups=groups)
    assert found.unit == fit_style_reader(SOURCE[:20], TARGET[:20]).unit


def test_it_comes_back_from_the_file_of_its_direction(reader, tmp_path):
    direction = Direction(torch.ones(3), name="kind", space="abc", reader=reader)
    direction.save_pretrained(tmp_path / "kind.safetensors")
    assert (tmp_path / "kind.safetensors").stat().st_size < 200_000
    loaded = Direction.from_pretrained(tmp_path / "kind.safetensors")
    np.testing.assert_array_equal(loaded.reader.predict_score(NEW), reader.predict_score(NEW))
    assert direction.readers() == {direction.name: reader}
    assert (direction + direction).reader is None and (direction + direction).readers() == {}


def test_a_file_whose_reader_is_damaged_is_refused(reader, tmp_path):
    import json

    from safetensors import safe_open
    from safetensors.torch import save_file

    path = tmp_path / "kind.safetensors"
    Direction(torch.ones(3), name="kind", space="abc", reader=reader).save_pretrained(path)
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    fields = json.loads(metadata["direction"])
    for change in ({"unit": 0}, {"counts": "letters"}, {"kind": "forest"}, {"features": 3}):
        broken = json.dumps(fields | {"reader": fields["reader"] | change})
        save_file(tensors, path, metadata=metadata | {"direction": broken})
        with pytest.raises(LatentoptError, match="the direction in this file is damaged"):
            Direction.from_pretrained(path)


def test_few_texts_are_no_reader():
    with pytest.raises(LatentoptError, match="four texts or more on each side, got 3 and 7"):
        fit_style_reader(SOURCE[:3], TARGET)

import pytest
import torch

from latentopt.directions import METHODS, discover
from latentopt.errors import LatentoptError
from tests.toy import toy_space, toy_texts


class Lengths:
    """A space of two latents: whether a text holds "rain" (few do), three times as far apart, and noise."""

    fingerprint = "lengths"

    def encode(self, texts):
        noise = torch.randn(len(texts), generator=torch.Generator().manual_seed(0))
        return torch.stack([3.0 * torch.tensor([float("rain" in text) for text in texts]), 0.2 * noise], 1)

    def pooled(self, z):
        return z


TEXTS = list(dict.fromkeys(toy_texts(200)))


@pytest.mark.parametrize("method", METHODS.values())
def test_what_texts_differ_by_most_is_found_with_the_words_that_tell_it(method):
    first, second = discover(Lengths(), TEXTS, name="corpus", method=method)
    assert first.direction.name == "corpus-1" and first.share > 0.9
    assert first.share + second.share == pytest.approx(1, abs=0.1)
    assert "rain" in first.along[:2]
    assert first.most and all("rain" in text for text in first.most)
    assert first.least and not any("rain" in text for text in first.least)
    assert first.direction.vector[0] > 10 * first.direction.vector[1].abs()
    assert float(first.direction.vector.norm()) == pytest.approx(float(Lengths().encode(TEXTS)[:, 0].std()), rel=0.05)


def test_independent_components_are_told_by_their_sources_and_not_by_the_axes_that_mix_them():
    generator = torch.Generator().manual_seed(0)
    apart = torch.rand(2, 2000, generator=generator).clamp_min(1e-6).log() * torch.tensor([[-3.0], [-1.0]])  # 3 : 1
    texts = [f"text {i}" for i in range(2000)]
    oblique = torch.tensor([[1.0, 0.0], [0.8, 0.6]])  # what a step of each source is in latents

    class Mixed:
        fingerprint = "mixed"

        def encode(self, asked):
            assert asked == texts
            return apart.T @ oblique

        def pooled(self, z):
            return z

    found = discover(Mixed(), texts, name="corpus", method=METHODS["independent"], shown=20)
    for each, source, step in zip(found, apart, oblique, strict=True):
        furthest = {texts[i] for i in source.argsort(descending=True)[:20].tolist()}
        assert len(furthest & set(each.most)) >= 17
        assert torch.cosine_similarity(each.direction.vector, step, dim=0) > 0.99
    assert sum(each.share for each in found) == pytest.approx(1, abs=0.01)


def test_a_real_space_has_as_many_as_are_asked_for():
    space = toy_space()
    found = discover(space, TEXTS, name="corpus", components=3, shown=2)
    assert [each.direction.space for each in found] == [space.fingerprint] * 3
    assert [each.share for each in found] == sorted((each.share for each in found), reverse=True)
    assert all(len(each.most) == len(each.along) == 2 for each in found)
    vectors = torch.stack([each.direction.vector for each in found])
    cosines = torch.nn.functional.normalize(vectors) @ torch.nn.functional.normalize(vectors).T
    torch.testing.assert_close(cosines, torch.eye(3), atol=1e-3, rtol=0)


def test_few_texts_have_none():
    with pytest.raises(LatentoptError, match="takes 20 different texts or more, got 1"):
        discover(Lengths(), ["the rain"] * 30, name="corpus")


def test_a_way_of_ones_own_chooses_the_axes():
    def mixed(white, *, seed):
        assert white.std(0).tolist() == pytest.approx([1, 1], rel=1e-3)
        return torch.tensor([[0.6, 0.8], [-0.8, 0.6]])

    z = Lengths().encode(TEXTS)
    steps = torch.stack([each.direction.vector for each in discover(Lengths(), TEXTS, name="corpus", method=mixed)])
    torch.testing.assert_close(steps.T @ steps, torch.cov(z.T), atol=1e-3, rtol=1e-3)  # all of the variance
    assert steps[0] @ steps[1] != pytest.approx(0, abs=0.1)  # and not the principal axes

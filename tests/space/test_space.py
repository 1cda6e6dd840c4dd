"""LatentSpace on a tiny untrained model: shapes, order, batching, errors."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from latentopt.errors import LatentoptError, TruncationWarning
from latentopt.space import LatentSpace
from tests.tables.failing import failing_at_each_step
from tests.toy import toy_space, toy_texts

BF16 = 0.05  # where it is quick, texts are encoded in it, and a batch of another shape is rounded in another way


class TestEncode:
    def test_the_latent_of_a_text_does_not_depend_on_its_company(self) -> None:
        space, texts = toy_space(), [*toy_texts(7), "boats", "my neighbour " * 4]
        together = space.encode(texts)
        assert together.shape == (9, 24)
        alone = torch.cat([space.encode([text]) for text in texts])
        assert torch.allclose(together, alone, atol=BF16)
        assert torch.allclose(together, space.encode(texts, batch_size=2), atol=BF16)

    def test_an_empty_list_gives_no_latents(self) -> None:
        assert toy_space().encode([]).shape == (0, 24)
        assert toy_space().decode(torch.zeros(0, 24)) == []

    def test_a_blank_text_is_refused(self) -> None:
        with pytest.raises(LatentoptError, match="text 1 is empty"):
            toy_space().encode(["boats", " \n"])

    def test_a_long_text_is_cut_with_a_warning_that_counts(self) -> None:
        long = "the old baker sells warm bread " * 50
        tokens = toy_space().lengths([long])[0]
        with pytest.warns(
            TruncationWarning, match=f"1 of 2 texts are longer than the model's limit of 31 tokens .*{tokens}"
        ):
            z = toy_space().encode([long, "boats"])
        with pytest.warns(TruncationWarning):
            others = toy_space().encode([long + "to her brother", "my " + long])
        assert torch.allclose(z[0], others[0], atol=BF16)  # what is beyond the limit
        assert not torch.allclose(z[0], others[1], atol=BF16)


class TestDecode:
    def test_batches_do_not_change_the_texts(self) -> None:
        z = torch.randn(10, 24, generator=torch.Generator().manual_seed(0))
        assert toy_space().decode(z, batch_size=3) == toy_space().decode(z)

    def test_beams_find_what_is_likelier_a_token_than_what_greed_does(self) -> None:
        space, z = toy_space(), torch.randn(40, 24, generator=torch.Generator().manual_seed(0))
        greedy, beams = (space.decode(z, num_beams=n) for n in (1, 4))
        lengths = zip(space.lengths(greedy), space.lengths(beams), strict=True)
        whole = [0 < min(pair) <= max(pair) <= space.max_tokens for pair in lengths]
        differ = [i for i in range(40) if whole[i] and greedy[i] != beams[i]]
        of = [space.log_likelihood([texts[i] for i in differ], z[differ]).mean() for texts in (greedy, beams)]
        assert of[1] > of[0]

    def test_sampling_is_seeded_and_leaves_the_global_generator_alone(self) -> None:
        z = torch.randn(4, 24, generator=torch.Generator().manual_seed(0))
        state = torch.get_rng_state()
        first = toy_space().decode(z, temperature=1.0, seed=1)
        assert first == toy_space().decode(z, temperature=1.0, seed=1)
        assert first != toy_space().decode(z, temperature=1.0, seed=2)
        assert torch.equal(state, torch.get_rng_state())

    @pytest.mark.parametrize("z", [torch.zeros(24), torch.zeros(2, 23)])
    def test_another_shape_is_refused(self, z: torch.Tensor) -> None:
        with pytest.raises(LatentoptError, match=r"the shape \(n, 24\), got"):
            toy_space().decode(z)

    def test_a_latent_that_is_not_finite_is_refused(self) -> None:
        with pytest.raises(LatentoptError, match="finite"):
            toy_space().decode(torch.full((1, 24), torch.nan))


class TestBetweenTexts:
    def test_interpolation_ends_where_its_ends_decode(self) -> None:
        a, b = toy_texts(3), toy_texts(3, seed=1)
        lines = toy_space().interpolate(a, b, steps=5)
        assert [len(line) for line in lines] == [5, 5, 5]
        assert [line[0] for line in lines] == toy_space().decode(toy_space().encode(a))
        assert [line[-1] for line in lines] == toy_space().decode(toy_space().encode(b))

    def test_unpaired_ends_are_refused(self) -> None:
        with pytest.raises(LatentoptError, match="as many ends as starts"):
            toy_space().interpolate(["boats"], [])

    def test_samples_are_of_seeded_draws_of_the_prior(self) -> None:
        space = toy_space()
        assert space.sample(3, seed=4) == space.decode(space.draw(3, seed=4)) != space.sample(3, seed=5)
        drawn = space.draw(2000, seed=4)
        assert drawn.mean() == pytest.approx(0, abs=0.02)
        assert drawn.std() == pytest.approx(1, abs=0.02)

    def test_a_text_is_likelier_given_what_it_decodes_from(self) -> None:
        z = torch.randn(6, 24, generator=torch.Generator().manual_seed(0))
        texts = toy_space().decode(z)
        own, other = toy_space().log_likelihood(texts, z), toy_space().log_likelihood(texts, z.roll(1, 0))
        assert own.shape == (6,)
        assert own.mean() > other.mean()


class TestFiles:
    def test_a_saved_space_is_the_same_space(self, tmp_path: Path) -> None:
        space, texts = toy_space(), toy_texts(4)
        space.save_pretrained(tmp_path)
        loaded = LatentSpace.from_pretrained(tmp_path)
        assert loaded.fingerprint == space.fingerprint
        assert torch.equal(loaded.encode(texts), space.encode(texts))
        z = space.pooled(space.encode(texts))
        assert torch.allclose(loaded.density.typicality(z), space.density.typicality(z))

    def test_other_weights_have_another_fingerprint(self, tmp_path: Path) -> None:
        toy_space().save_pretrained(tmp_path)
        other = LatentSpace.from_pretrained(tmp_path)
        with torch.no_grad():
            other.model.pooled.place[0, 0] += 1
        assert other.fingerprint != toy_space().fingerprint

    def test_an_earlier_model_is_replaced_whole_and_what_else_lies_there_stays(self, tmp_path: Path) -> None:
        toy_space().save_pretrained(tmp_path / "model")
        (tmp_path / "model" / "heads").mkdir()
        other = LatentSpace.from_pretrained(tmp_path / "model")
        with torch.no_grad():
            other.model.pooled.place[0, 0] += 1
        LatentSpace(other.model, other.tokenizer).save_pretrained(tmp_path / "model")
        assert LatentSpace.from_pretrained(tmp_path / "model").fingerprint == other.fingerprint
        assert (tmp_path / "model" / "heads").is_dir()
        assert not (tmp_path / "model" / "density.safetensors").exists()  # it was that of the earlier latents

    def test_a_model_that_could_not_be_written_leaves_the_earlier_one_whole(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        toy_space().save_pretrained(tmp_path / "model")
        other = LatentSpace.from_pretrained(tmp_path / "model")
        with torch.no_grad():
            other.model.pooled.place[0, 0] += 1
        other.density = replace(toy_space().density, mean=toy_space().density.mean + 1)
        seen = []
        for _ in failing_at_each_step(monkeypatch, lambda: other.save_pretrained(tmp_path / "model")):
            found = LatentSpace.from_pretrained(tmp_path / "model")
            whose = other if found.fingerprint == other.fingerprint else toy_space()
            assert found.fingerprint == whose.fingerprint
            assert torch.equal(found.density.mean, whose.density.mean)
            seen.append(whose)
        assert seen[0] is toy_space()
        assert seen[-1] is other

    def test_a_missing_directory_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(LatentoptError, match="there is no such directory"):
            LatentSpace.from_pretrained(tmp_path / "nothing")

    def test_damaged_weights_are_refused(self, tmp_path: Path) -> None:
        toy_space().save_pretrained(tmp_path)
        weights = tmp_path / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
        with pytest.raises(LatentoptError, match="cannot be loaded"):
            LatentSpace.from_pretrained(tmp_path)

    def test_without_a_density_the_error_says_how_to_make_one(self, tmp_path: Path) -> None:
        toy_space().save_pretrained(tmp_path)
        (tmp_path / "density.safetensors").unlink()
        with pytest.raises(LatentoptError, match=r"LatentDensity\.fit"):
            _ = LatentSpace.from_pretrained(tmp_path).density

    def test_a_directory_of_another_model_is_refused(self, tmp_path: Path) -> None:
        toy_space().save_pretrained(tmp_path)
        shutil.copy(tmp_path / "tokenizer.json", tmp_path / "config.json")
        with pytest.raises(LatentoptError, match="cannot be loaded"):
            LatentSpace.from_pretrained(tmp_path)

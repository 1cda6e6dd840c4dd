import json

import pytest
import torch
from safetensors.torch import save_file

from latentopt.directions import Direction, Offset
from latentopt.errors import LatentoptError


def make(*values, name="civil", space="abc", **options):
    return Direction(torch.tensor(values), name=name, space=space, **options)


class TestArithmetic:
    civil = make(1.0, 0.0, strength=1.0)
    positive = make(0.0, 2.0, name="positive", strength=2.0)

    @pytest.mark.parametrize(
        ("direction", "vector", "name", "strength"),
        [
            (civil + positive, [1, 2], "civil + positive", 1.5),
            (civil - positive, [1, -2], "civil - positive", 1.5),
            (-positive, [0, -2], "-positive", 2.0),
            (0.5 * positive, [0, 1], "0.5 positive", 2.0),
            (positive * 3, [0, 6], "3 positive", 2.0),
            (-(civil + positive), [-1, -2], "-(civil + positive)", 1.5),
            (civil - 2 * positive, [1, -4], "civil - (2 positive)", 1.5),
        ],
    )
    def test_is_that_of_vectors_and_names_say_so(self, direction, vector, name, strength):
        assert direction.vector.tolist() == vector
        assert (direction.name, direction.strength, direction.space) == (name, strength, "abc")

    def test_leaves_the_parts_and_their_statistics_behind(self):
        measured = make(1.0, 0.0, statistics={"pairs": 3})
        assert (measured + measured).statistics == (2 * measured).statistics == {}
        assert measured.vector.tolist() == [1, 0]

    def test_refuses_to_mix_spaces(self):
        other = make(1.0, 0.0, name="positive", space="xyz")
        for mix in (lambda: self.civil + other, lambda: self.civil - other):
            with pytest.raises(LatentoptError, match="civil belongs to the latent space abc, not to xyz"):
                mix()

    def test_knows_numbers_and_directions_only(self):
        for wrong in (lambda: self.civil + 1, lambda: self.civil - 1, lambda: self.civil * self.civil):
            with pytest.raises(TypeError):
                wrong()


class TestOrthogonalize:
    civil = make(1.0, 1.0, 1.0, strength=1.5)

    def test_takes_out_what_lies_along_the_other(self):
        found = self.civil.orthogonalize(make(0.0, 2.0, 0.0, name="positive"))
        assert found.vector.tolist() == [1, 0, 1]
        assert (found.name, found.strength) == ("civil without positive", 1.5)

    def test_takes_out_the_others_whole_subspace(self):
        plane = make(0.0, 1.0, 0.0, name="plane", basis=torch.eye(3)[1:])
        assert self.civil.orthogonalize(plane).vector.tolist() == [1, 0, 0]

    def test_takes_it_out_of_what_a_map_says_too(self):
        mapped = make(1.0, 1.0, offset=Offset(torch.eye(2), torch.zeros(2), torch.ones(2, 2)))
        steps = mapped.orthogonalize(make(0.0, 1.0)).at(torch.rand(5, 2))
        assert (steps[:, 1] == 0).all() and (steps[:, 0] > 1).all()

    def test_of_itself_leaves_nothing(self):
        with pytest.raises(LatentoptError, match="civil lies along civil, so that nothing of it is left"):
            self.civil.orthogonalize(self.civil)

    def test_refuses_another_space(self):
        other = make(1.0, 0.0, 0.0, space="xyz")
        for mix in (self.civil.orthogonalize, self.civil.cosine):
            with pytest.raises(LatentoptError, match="belongs to the latent space abc, not to xyz"):
                mix(other)

    def test_cosine_is_that_of_the_vectors(self):
        assert make(1.0, 0.0).cosine(make(1.0, 1.0)) == pytest.approx(0.5**0.5)


class TestMap:
    offset = Offset(torch.tensor([[1.0, 0.0]]), torch.zeros(1), torch.tensor([[0.0, 1.0]]))  # x > 0 goes up by x
    mapped = make(1.0, 0.0, offset=offset)
    z = torch.tensor([[-2.0, 0.0], [3.0, 0.0]])

    def test_the_step_depends_on_where_a_text_starts(self):
        assert self.mapped.at(self.z).tolist() == [[1, 0], [1, 3]]
        assert self.mapped.apply(self.z, strength=2).tolist() == [[0, 0], [5, 6]]

    def test_arithmetic_is_that_of_the_steps(self):
        other = make(0.0, 1.0, name="positive", offset=self.offset * 0.5)
        for found, expected in (
            (self.mapped + other, self.mapped.at(self.z) + other.at(self.z)),
            (self.mapped - other, self.mapped.at(self.z) - other.at(self.z)),
            (make(1.0, 1.0) - self.mapped, torch.tensor([1.0, 1.0]) - self.mapped.at(self.z)),
            (-2 * self.mapped, -2 * self.mapped.at(self.z)),
        ):
            torch.testing.assert_close(found.at(self.z), expected)

    def test_comes_back_from_its_file(self, tmp_path):
        basis = torch.eye(2)[:1]
        make(1.0, 0.0, offset=self.offset, basis=basis).save_pretrained(tmp_path / "m.safetensors")
        loaded = Direction.from_pretrained(tmp_path / "m.safetensors")
        assert torch.equal(loaded.at(self.z), self.mapped.at(self.z))
        assert torch.equal(loaded.basis, basis)

    def test_a_file_of_weights_that_do_not_fit_is_refused(self, tmp_path):
        wrong = Offset(torch.ones(1, 3), torch.zeros(1), torch.ones(1, 3))
        make(1.0, 0.0, offset=wrong).save_pretrained(tmp_path / "m.safetensors")
        with pytest.raises(LatentoptError, match="the direction in this file is damaged"):
            Direction.from_pretrained(tmp_path / "m.safetensors")

    def test_a_subspace_that_is_none_is_refused(self):
        with pytest.raises(LatentoptError, match=r"its subspace must be finite rows \(k, 2\)"):
            make(1.0, 0.0, basis=torch.eye(3))


class TestApply:
    def test_moves_every_latent_by_strength_times_the_vector(self):
        moved = make(1.0, -2.0, strength=0.5).apply(torch.tensor([[0.0, 0.0], [1.0, 1.0]]), strength=2)
        assert moved.tolist() == [[2, -4], [3, -3]]

    def test_takes_the_calibrated_strength_unless_told(self):
        direction = make(1.0, 0.0, strength=1.5)
        assert direction.apply(torch.zeros(1, 2)).tolist() == [[1.5, 0]]
        assert direction.apply(torch.zeros(1, 2), strength=0).tolist() == [[0, 0]]

    def test_keeps_the_kind_of_number(self):
        assert make(1.0, 0.0).apply(torch.zeros(1, 2, dtype=torch.float64)).dtype == torch.float64

    @pytest.mark.parametrize("shape", [(2,), (1, 3), (1, 1, 2)])
    def test_refuses_latents_of_another_shape(self, shape):
        with pytest.raises(LatentoptError, match=r"moves latents of shape \(n, 2\)"):
            make(1.0, 0.0).apply(torch.zeros(shape))

    def test_refuses_a_strength_that_is_not_finite(self):
        with pytest.raises(LatentoptError, match="finite number, got nan"):
            make(1.0, 0.0).apply(torch.zeros(1, 2), strength=float("nan"))


class TestValue:
    def test_cannot_be_assigned_to_nor_changed_through_what_it_was_made_of(self):
        vector, statistics = torch.ones(2), {"pairs": [1]}
        direction = Direction(vector, name="civil", space="abc", statistics=statistics)
        vector[0], statistics["pairs"][0] = 5, 5
        assert (direction.vector.tolist(), direction.statistics) == ([1, 1], {"pairs": [1]})
        with pytest.raises(AttributeError):
            direction.strength = 2

    @pytest.mark.parametrize("vector", [torch.zeros(0), torch.zeros(1, 2), torch.tensor([1.0, float("inf")])])
    def test_refuses_a_vector_that_is_none(self, vector):
        with pytest.raises(LatentoptError, match=r"finite numbers of shape \(d,\)"):
            Direction(vector, name="civil", space="abc")

    def test_refuses_what_json_cannot_hold(self):
        with pytest.raises(LatentoptError, match="JSON cannot hold the statistics"):
            make(1.0, statistics={"p": float("nan")})
        with pytest.raises(LatentoptError, match="strength must be a finite number"):
            make(1.0, strength=float("inf"))

    def test_shows_itself_in_a_line(self):
        assert repr(make(3.0, 4.0, strength=1.5)) == "Direction('civil', d=2, norm=5, strength=1.5)"


class TestFile:
    def test_comes_back_as_it_was(self, tmp_path):
        path = tmp_path / "höflich.safetensors"
        saved = make(0.1, -2.0, name="höflich", strength=1.5, statistics={"consistency": {"cosine": 0.25}})
        saved.save_pretrained(path)
        loaded = Direction.from_pretrained(path, space="abc")
        assert torch.equal(loaded.vector, saved.vector)
        assert (loaded.name, loaded.space, loaded.strength) == ("höflich", "abc", 1.5)
        assert loaded.statistics == saved.statistics
        assert list(tmp_path.iterdir()) == [path]

    def test_of_another_space_is_refused(self, tmp_path):
        path = tmp_path / "civil.safetensors"
        make(1.0).save_pretrained(path)
        with pytest.raises(LatentoptError, match="belongs to the latent space abc, not to xyz"):
            Direction.from_pretrained(path, space="xyz")

    @pytest.mark.parametrize("keep", [0, 4, 100, -1])
    def test_that_is_cut_off_is_said_to_be_damaged(self, tmp_path, keep):
        path = tmp_path / "civil.safetensors"
        make(1.0, 2.0).save_pretrained(path)
        path.write_bytes(path.read_bytes()[:keep])
        with pytest.raises(LatentoptError, match=r"civil.safetensors: not a safetensors file that can be read"):
            Direction.from_pretrained(path)

    def test_of_another_kind_is_no_direction(self, tmp_path):
        path = tmp_path / "weights.safetensors"
        save_file({"vector": torch.ones(2)}, path)
        with pytest.raises(LatentoptError, match="this file holds no direction"):
            Direction.from_pretrained(path)

    def test_that_is_missing_says_how_to_make_one(self, tmp_path):
        with pytest.raises(LatentoptError, match="there is no such file; 'latentopt direction' makes one"):
            Direction.from_pretrained(tmp_path / "none.safetensors")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"version": "3"}, "a direction of version 3, and this latentopt reads 2"),
            ({"direction": "{"}, "damaged"),
            ({"direction": "[]"}, "damaged"),
            ({"direction": "{}"}, "damaged"),
            ({"direction": json.dumps({"name": "a", "space": "b", "strength": None, "statistics": {}})}, "damaged"),
            ({"direction": json.dumps({"name": "a", "space": "b", "strength": 1e999, "statistics": {}})}, "damaged"),
        ],
    )
    def test_with_metadata_that_make_no_sense_is_refused(self, tmp_path, change, message):
        path = tmp_path / "civil.safetensors"
        fields = json.dumps({"name": "civil", "space": "abc", "strength": 1, "statistics": {}})
        sound = {"format": "latentopt.direction", "version": "1", "direction": fields}
        save_file({"vector": torch.ones(2)}, path, metadata=sound)
        Direction.from_pretrained(path)
        save_file({"vector": torch.ones(2)}, path, metadata=sound | change)
        with pytest.raises(LatentoptError, match=message):
            Direction.from_pretrained(path)

import pytest
import torch

from latentopt.directions import Offset, cleared, leakage
from latentopt.directions.leaks import is_large, length_reading
from latentopt.errors import LatentoptError
from tests.directions.synthetic import direction

Z = torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 2.0, 3.0])
READINGS = {"first": lambda z: z[:, 0], "squared": lambda z: z[:, 1] ** 2, "both": lambda z: z[:, 0] + z[:, 1]}


def test_a_leak_is_in_standard_deviations_beside_the_own_effect():
    along = direction([1.0, 0.0, 0.0])
    first, squared, _ = leakage(along, READINGS, Z, among=Z)
    assert first.effect == pytest.approx(1 / float(Z[:, 0].std()))
    assert first.share == pytest.approx(1)
    assert first.realised is None
    assert squared.effect == squared.share == 0


def test_edits_leak_as_they_do():
    edited = Z[:50] + torch.tensor([0.5, 0.0, 1.0])
    found = leakage(direction([1.0, 0.0, 0.0]), {"third": lambda z: z[:, 2]}, Z, among=Z, edits=(Z[:50], edited))
    assert found[0].share == 0
    assert found[0].realised == pytest.approx(float((1 / Z[:, 2].std()) / (0.5 / Z[:, 0].std())))


def test_what_is_counted_in_edits_is_not_read_off_their_latents():
    edited, counts = Z[:50] + torch.tensor([0.5, 0.0, 1.0]), torch.arange(50)
    found, read = leakage(
        direction([1.0, 0.0, 0.0]),
        {"length": lambda z: 2 * z[:, 2], "third": lambda z: z[:, 2]},
        Z,
        among=Z,
        edits=(Z[:50], edited),
        counted={"length": (counts, counts + 3)},
    )
    assert found.realised == pytest.approx(float((3 / (2 * Z[:, 2].std())) / (0.5 / Z[:, 0].std())))
    assert read.realised == pytest.approx(float((1 / Z[:, 2].std()) / (0.5 / Z[:, 0].std())))


@pytest.mark.parametrize(
    ("share", "realised", "large"), [(0.5, 0.1, True), (0.0, 0.5, True), (0.3, 0.3, False), (0.1, None, False)]
)
def test_what_leaks_much_in_latents_or_in_edits_is_said(share, realised, large):
    assert is_large(share, realised) is large


def test_a_direction_of_zero_has_no_own_effect():
    with pytest.raises(LatentoptError, match="a direction that is zero"):
        leakage(direction([0.0] * 3), READINGS, Z, among=Z)


class TestCleared:
    covariance = torch.diag(torch.tensor([1.0, 4.0, 9.0]))

    def test_what_it_is_cleared_of_does_not_change(self):
        along = direction([1.0, 1.0, 1.0])
        found = cleared(along, {"both": READINGS["both"]}, Z, self.covariance)
        assert leakage(found, {"both": READINGS["both"]}, Z, among=Z)[0].share == pytest.approx(0, abs=1e-5)
        # The nearest by Mahalanobis distance: what was taken lies along C g = (1, 4, 0).
        taken = along.vector - found.vector
        torch.testing.assert_close(taken / taken[0], torch.tensor([1.0, 4.0, 0.0]), atol=1e-4, rtol=1e-4)

    def test_a_learned_map_is_cleared_too(self):
        offset = Offset(torch.eye(3), torch.zeros(3), torch.ones(3, 3))
        found = cleared(direction([1.0, 1.0, 0.0], offset=offset), {"first": READINGS["first"]}, Z, self.covariance)
        assert found.at(Z)[:, 0].abs().max() < 1e-5 < found.at(Z)[:, 1].abs().max()

    def test_of_all_that_it_is_nothing_is_left(self):
        with pytest.raises(LatentoptError, match="changes nothing but first, so that nothing is left"):
            cleared(direction([1.0, 0.0, 0.0]), {"first": READINGS["first"]}, Z, self.covariance)


def test_lengths_are_read_off_latents():
    lengths = (10 + 2 * Z[:, 2]).round().int().tolist()
    assert torch.corrcoef(torch.stack([length_reading(Z, lengths)(Z), torch.tensor(lengths)]))[0, 1] > 0.99

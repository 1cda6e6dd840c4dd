"""Figures show what they were given."""

import pytest
import torch

from latentopt.evaluation import plots


def test_a_map_shows_every_latent():
    figure = plots.latent_map(torch.randn(30, 5), [0.0] * 29 + [1e6], label="likes")
    (points,) = figure.axes[0].collections
    assert len(points.get_offsets()) == 30
    assert len(set(points.get_array().tolist())) == 2  # equal values have one colour
    assert "30 latents by likes" in figure.axes[0].get_title()


def test_few_points_are_large_and_many_small():
    few, many = (plots.latent_map(torch.randn(n, 5), range(n), label="x").axes[0].collections[0] for n in (6, 2000))
    assert few.get_sizes()[0] > 4 * many.get_sizes()[0]


def test_a_maps_axes_are_the_principal_components():
    z = torch.cat([torch.linspace(-9, 9, 50)[:, None], 0.1 * torch.randn(50, 3)], 1)
    (points,) = plots.latent_map(z, range(50), label="x").axes[0].collections
    shown = torch.as_tensor(points.get_offsets())
    assert abs(torch.corrcoef(torch.stack([shown[:, 0], z[:, 0].double()]))[0, 1]) > 0.999


def test_bars_are_the_rows():
    rows = [
        {"tokens_from": 1, "tokens_to": 8, "texts": 10, "bleu": 90.0, "exact": 0.8},
        {"tokens_from": 9, "tokens_to": 16, "texts": 1200, "bleu": 70.0, "exact": 0.4},
    ]
    axis = plots.reconstruction_by_length(rows).axes[0]
    assert [bar.get_height() for bar in axis.patches] == pytest.approx([90, 70, 80, 40])
    assert [label.get_text() for label in axis.get_xticklabels()] == ["1-8\n10", "9-16\n1,200"]


def test_a_table_holds_every_point_and_no_formula():
    figure = plots.interpolation_table([["a $5 b $6", "b"], ["c", "d"]])
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {r"a \$5 b \$6", "b", "c", "d", "0.0", "1.0"} == texts
    figure.savefig("/dev/null", format="png")


def test_curves_skip_rows_without_their_measure():
    curve = [{"step": 1, "bleu": 5.0}, {"step": 2, "loss": 3.0}, {"step": 3, "bleu": 7.0}]
    (axis,) = plots.training_curves(curve, {"bleu": "BLEU"}).axes
    assert axis.lines[0].get_xydata().tolist() == [[1, 5], [3, 7]]


def test_colours_differ_in_grey():
    from matplotlib.colors import to_rgb

    def luminance(colour):
        return sum(
            weight * (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4)
            for weight, v in zip((0.2126, 0.7152, 0.0722), to_rgb(colour), strict=True)
        )

    ink, soft = luminance(plots.INK), luminance(plots.SOFT)
    assert (soft + 0.05) / (ink + 0.05) > 3


def test_a_path_goes_through_its_texts_in_order():
    z = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    figure = plots.edit_path(z, z[:3], ["one costs $5", "two", "three"])
    axis = figure.axes[0]
    expected = plots.Plane.fit(z)(z[:3])
    assert torch.allclose(torch.as_tensor(axis.lines[0].get_xydata()), expected)
    assert [text.get_text() for text in axis.texts] == ["0", "1", "2"]
    assert r"0  one costs \$5" in axis.get_title(loc="left")

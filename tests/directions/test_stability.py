import pytest
import torch

from latentopt.directions import Examples, Mean, learning_curve, stability
from tests.directions.synthetic import of_pairs


def examples(n, *, shift=2.0, paired=True, seed=0):
    generator = torch.Generator().manual_seed(seed)
    source = torch.randn(n, 16, generator=generator)
    target = (source if paired else torch.randn(n, 16, generator=generator)) + 0.5 * torch.randn(
        n, 16, generator=generator
    )
    target[:, 0] += shift
    return Examples(source, target, torch.arange(n) if paired else None)


@pytest.mark.parametrize("paired", [True, False])
def test_more_examples_are_surer(paired):
    few, many = (stability(examples(n, paired=paired), Mean()) for n in (10, 1000))
    assert few.low < many.low and few.low < few.cosine < few.high <= 1
    assert many.low > 0.98


def test_pairs_of_one_source_are_drawn_together():
    difference = torch.randn(20, 8, generator=torch.Generator().manual_seed(0))
    once = stability(of_pairs(difference), Mean(), bootstraps=50)
    copied = stability(
        of_pairs(difference.repeat_interleave(5, 0), torch.arange(20).repeat_interleave(5)), Mean(), bootstraps=50
    )
    assert copied.low == pytest.approx(once.low, abs=0.1)


def test_the_share_is_what_lies_along_the_direction():
    difference = torch.tensor([[1.0, 1.0], [1.0, -1.0]]).repeat(50, 1)
    assert stability(of_pairs(difference), Mean()).share == pytest.approx(0.5, abs=0.01)
    assert stability(examples(500, shift=4.0, paired=False), Mean()).share > 0.7
    assert stability(examples(500, shift=0.0, paired=False), Mean()).share < 0.05


@pytest.mark.parametrize("paired", [True, False])
def test_the_curve_rises_to_all_examples(paired):
    rows = learning_curve(examples(400, paired=paired), examples(400, paired=paired, seed=1), Mean(), repeats=10)
    assert [row.examples for row in rows] == [10, 30, 100, 300, 400]
    cosines = [row.cosine for row in rows]
    assert cosines == sorted(cosines) and cosines[-1] > 0.97
    assert rows[0].spread > rows[2].spread and rows[-1].spread == 0
    assert rows[-1].right_way > 0.8

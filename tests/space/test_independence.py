"""Rows do not depend on their neighbours, and a space leaves alone what is not its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from latentopt.errors import LatentoptError
from latentopt.model.writing import Sampling
from latentopt.space import LatentSpace
from tests.toy import toy_space, toy_texts

TEXTS = toy_texts(6, seed=7)


def _fills(space: LatentSpace) -> list[str | None]:
    words = space.words(TEXTS[:1])[0]
    z = space.pooled(space.encode(TEXTS[:1])).expand(4, -1)
    ones = torch.ones(4)
    spans = [[(1, 2)], [(2, 4)], [(1, 2), (4, 5)], [(3, 3)]]
    return space.fill(words, spans, z, Sampling(0.8 * ones, ones, 0.9, 8, 0), against=space.null.expand(4, -1))


USES: dict[str, Callable[[LatentSpace], object]] = {
    "encode": lambda space: space.encode(TEXTS),
    "decode": lambda space: space.decode(space.draw(4, seed=1)),
    "sample": lambda space: space.sample(4, seed=2, temperature=0.8),
    "beams": lambda space: space.decode(space.draw(2, seed=1), num_beams=2),
    "invert": lambda space: space.invert(TEXTS[:3], steps=15).z,
    "fill": _fills,
    "log_likelihood": lambda space: space.log_likelihood(TEXTS),
}


def _same(one: object, other: object) -> bool:
    """Numbers to rounding: where a processor's wide words begin in memory differs from call to call."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return torch.allclose(one, other, rtol=0, atol=1e-5)
    return one == other


@pytest.mark.parametrize("use", USES)
def test_two_spaces_of_one_model_in_two_threads_give_what_each_gives_alone(use: str):
    one = toy_space()
    two = LatentSpace(one.model, one.tokenizer)
    alone = USES[use](one)
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(USES[use], [one, two] * 3))
    assert all(_same(found, alone) for found in together)


@pytest.mark.parametrize("use", USES)
def test_the_callers_random_numbers_and_the_model_are_left_as_they_were(use: str):
    space = toy_space()
    before = torch.get_rng_state()
    needs = [(p.requires_grad, p.grad) for p in space.model.parameters()]
    attention = space.model.t5.decoder.config._attn_implementation
    USES[use](space)
    assert torch.equal(torch.get_rng_state(), before)
    after = [(p.requires_grad, p.grad) for p in space.model.parameters()]
    assert all(a is b and c is d for (a, c), (b, d) in zip(after, needs, strict=True))
    assert space.model.t5.decoder.config._attn_implementation == attention


def test_what_is_found_for_a_text_does_not_depend_on_its_neighbours():
    space = toy_space()
    texts = toy_texts(40, seed=8)
    together = space.invert(texts, steps=60)
    assert (together.exact & ~together.encoded_exact).any()  # some had to be looked for
    one_by_one = space.invert(texts, steps=60, batch_size=1)
    assert torch.equal(one_by_one.exact, together.exact)
    assert torch.allclose(one_by_one.z, together.z, atol=1e-2)
    assert torch.allclose(space.encode(texts, batch_size=1), space.encode(texts), atol=1e-3)


def test_a_sampled_text_does_not_depend_on_how_many_are_sampled():
    space = toy_space()
    z = space.draw(5, seed=3)
    many = space.decode(z, temperature=1.0, seed=4)
    assert space.decode(z[:2], temperature=1.0, seed=4) == many[:2]
    assert space.decode(z, temperature=1.0, seed=4, batch_size=2) == many


def test_a_model_that_is_training_makes_no_space_and_stays_as_it_is():
    model, tokenizer = toy_space().model, toy_space().tokenizer
    try:
        model.train()
        with pytest.raises(LatentoptError, match=r"needs a model in evaluation mode; call model\.eval\(\) first"):
            LatentSpace(model, tokenizer)
        assert model.training
    finally:
        model.eval()

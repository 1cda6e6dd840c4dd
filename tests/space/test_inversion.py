"""Inversion finds latents that decode to texts which encoding loses."""

from functools import cache

import pytest
import torch

from latentopt import LatentoptError, LatentSpace
from latentopt.model.tokenizer import token_ids
from latentopt.space import inversion
from latentopt.space.inversion import reproduces
from latentopt.space.tokens import batch_of
from tests.toy import toy_space, toy_texts

TEXTS = toy_texts(100, seed=9)  # encoding alone loses a few of them


@cache
def inverted():
    return toy_space().invert(TEXTS)


def test_more_texts_come_back_after_inversion():
    found = inverted()
    assert found.exact.sum() > found.encoded_exact.sum()


def test_what_is_called_exact_decodes_to_its_text():
    found = inverted()
    decoded = toy_space().decode(found.z)
    assert [a == b for a, b in zip(decoded, TEXTS, strict=True)] == found.exact.tolist()


def test_a_text_that_encoding_keeps_keeps_the_encoders_latent():
    found = inverted()
    assert torch.equal(found.z[found.encoded_exact], found.encoded[found.encoded_exact])
    assert torch.equal(found.encoded, toy_space().encode(TEXTS))


def test_a_text_that_is_not_found_keeps_it_too():
    found = toy_space().invert(TEXTS, steps=0)
    assert torch.equal(found.z, found.encoded)
    assert torch.equal(found.exact, found.encoded_exact)


def test_each_step_counts():
    space = toy_space()
    lost = [text for text, exact in zip(TEXTS, inverted().encoded_exact.tolist(), strict=True) if not exact]
    few, many = (int(space.invert(lost, steps=steps, pull=0, noise=0).exact.sum()) for steps in (0, 20))
    assert few == 0 < many


def test_steps_grow_so_that_far_latents_are_found_too():
    # From a start that is far away, steps of the first length alone do not get there.
    space = toy_space()
    texts = [text for text, exact in zip(TEXTS, inverted().encoded_exact.tolist(), strict=True) if exact][:20]
    labels, mask = batch_of(space.model, token_ids(space.tokenizer, texts))
    far = -space.encode(texts)

    def found(**settings):
        return int(inversion.invert(space.model, far, labels, mask, steps=120, pull=0, step=0.03, **settings)[1].sum())

    grown = found()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inversion, "GROWTH", 1.0)
        assert found() < grown


def test_a_step_of_no_length_is_refused():
    with pytest.raises(ValueError, match="must be above 0, got 0"):
        toy_space().invert(TEXTS[:40], step=0)


def test_a_stronger_pull_stays_nearer():
    space = toy_space()
    near, far = (space.invert(TEXTS, pull=pull) for pull in (1.0, 0.0))
    both = near.exact & far.exact & ~near.encoded_exact
    assert both.any()
    away = [(found.z - found.encoded)[both].norm(dim=1).mean() for found in (near, far)]
    assert away[0] < away[1]


def test_the_weights_stay_as_they_are_and_trainable():
    model = toy_space().model
    before = {name: p.clone() for name, p in model.named_parameters()}
    toy_space().invert(TEXTS)
    for name, p in model.named_parameters():
        assert torch.equal(p, before[name])
        assert p.requires_grad


def test_one_pass_says_what_greedy_decoding_would_write():
    space = toy_space()
    z = space.encode(TEXTS)
    labels, mask = batch_of(space.model, token_ids(space.tokenizer, TEXTS))
    decoded = space.decode(z)
    assert reproduces(space.model, z, labels, mask).tolist() == [a == b for a, b in zip(decoded, TEXTS, strict=True)]


def test_blank_texts_are_refused():
    with pytest.raises(LatentoptError, match="with a visible character"):
        LatentSpace.invert(toy_space(), ["fine", " "])

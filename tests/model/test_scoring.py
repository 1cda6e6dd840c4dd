"""What the network makes of texts as a language model, however they begin."""

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from transformers import set_seed

from latentopt.model import T5VAE, T5VAEConfig, small_t5
from latentopt.model.caches import roomy_cache
from latentopt.model.padding import padded
from latentopt.model.scoring import surprise_of
from latentopt.model.tokenizer import token_ids
from tests.toy import toy_space

LAYERS = 3  # of which the second is read


@pytest.fixture(scope="module", params=[8, 0], ids=["pooled", "positional alone"])
def deep(request):
    """A network of several layers, untrained, whose null latent says something."""
    set_seed(0)
    t5 = small_t5(len(toy_space().tokenizer), d_model=32, layers=LAYERS, heads=2, d_ff=64, positions=32)
    shape = {"latent_dim": 24, "pooled_dim": request.param, "pooled_slots": 2, "positions": 32, "slot_dim": 8}
    model = T5VAE(T5VAEConfig(t5, **shape)).eval()
    torch.nn.init.normal_(model.null)
    if model.positional is not None:
        torch.nn.init.normal_(model.positional.step.weight)
    return model


@pytest.mark.parametrize(
    "texts",
    [
        ["the old baker sells warm bread"],
        ["the old baker sells warm bread", "the old baker sells cold bread", "the old baker sells", "our baker"],
        ["warm bread", "warm bread", "the old baker sells warm bread to her brother"],
        ["the old baker sells", "the old sister sells", "the old brother buys bread", "the old baker buys"],
    ],
    ids=["one", "alike", "longer than the first", "two that part at one place"],
)
@torch.no_grad()
def test_reading_from_where_texts_part_gives_what_reading_all_does(deep, texts):
    ids = token_ids(toy_space().tokenizer, texts)
    found = surprise_of(deep, ids)
    labels, _ = padded(ids, deep.config.pad_token_id)
    expected = deep.token_loss(deep.memory(deep.null.expand(len(ids), -1)), labels)
    for row, ((losses, states), tokens) in enumerate(zip(found, ids, strict=True)):
        torch.testing.assert_close(losses, expected[row, : len(tokens)], atol=1e-4, rtol=0)
        given = torch.tensor([[deep.config.decoder_start_token_id, *tokens[:-1]]])
        memory = deep.memory(deep.null[None])
        last, second, _ = deep.decode_with_layer(given, memory, LAYERS * 2 // 3 - 1, cache=roomy_cache())
        torch.testing.assert_close(states, second[0, 1:], atol=1e-4, rtol=0)
        assert not torch.allclose(states, last[0, 1:], atol=1e-2)
        outer, *_ = deep.decode_with_layer(given, memory, LAYERS - 1, cache=roomy_cache())
        torch.testing.assert_close(outer, last)


@torch.no_grad()
def test_states_say_what_stands_before(deep):
    ids = token_ids(toy_space().tokenizer, ["warm bread", "cold bread"])
    (_, warm), (_, cold) = surprise_of(deep, ids)
    assert ids[0][-2] == ids[1][-2]
    assert not torch.allclose(warm[-1], cold[-1], atol=1e-3)


def test_a_model_that_was_read_can_be_pickled_whatever_ended_the_reading(deep):
    ids = token_ids(toy_space().tokenizer, ["warm bread"])
    surprise_of(deep, ids)
    pickle.dumps(deep)
    last = deep.t5.decoder.block[-1]

    def stop(block, given):
        raise InterruptedError

    hook = last.register_forward_pre_hook(stop)
    with pytest.raises(InterruptedError):
        surprise_of(deep, ids)
    hook.remove()
    pickle.dumps(deep)


def test_threads_that_share_a_model_read_each_its_own_text(deep):
    ids = [token_ids(toy_space().tokenizer, [text]) for text in ("warm bread", "the old baker sells cold bread")]
    alone = [surprise_of(deep, one)[0][1] for one in ids]
    meet = threading.Barrier(2, timeout=20)

    def wait(block, given):
        meet.wait()

    hook = deep.t5.decoder.block[0].register_forward_pre_hook(wait)
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda one: surprise_of(deep, one)[0][1], ids))
    hook.remove()
    for expected, found in zip(alone, together, strict=True):
        torch.testing.assert_close(found, expected)

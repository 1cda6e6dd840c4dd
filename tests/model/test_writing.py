"""Bulk writing: what `generate` writes, and fills that keep what is kept."""

from __future__ import annotations

import pytest
import torch

from latentopt.model import T5VAE
from latentopt.model.spans import Masked, Span, masked, words_of
from latentopt.model.tokenizer import sentinel_ids
from latentopt.model.writing import Sampling, write_fills, write_greedily, write_sampled
from tests.toy import toy_space, toy_texts

TEXTS = toy_texts(6, seed=3)


def latents(n: int, dim: int | None = None) -> torch.Tensor:
    space = toy_space()
    return torch.randn(n, dim or space.latent_dim, generator=torch.Generator().manual_seed(0))


class TestWholeTexts:
    @pytest.mark.parametrize("n", [3, 60])
    def test_greedy_texts_are_those_of_generate(self, n: int) -> None:
        model, z = toy_space().model, latents(n)
        theirs = model.generate(encoder_outputs=model.memory(z), max_new_tokens=32, do_sample=False)[:, 1:]
        ours = write_greedily(model, model.memory(z))
        assert n == 3 or len({int((row != 0).sum()) for row in ours}) > 2  # texts end at different steps
        assert torch.equal(ours[:, : theirs.shape[1]], theirs)
        assert (ours[:, theirs.shape[1] :] == 0).all()

    def test_a_memorys_mask_reaches_generate(self) -> None:
        # Rows under the null latent may not attend to the copying slots: what stands there must not matter.
        model, z = toy_space().model, latents(8)
        null = torch.ones(8, dtype=torch.bool)
        memory = model.memory(z, null=null)
        assert (memory.mask == 0).any()
        other = model.memory(z, null=null)
        other.last_hidden_state[memory.mask == 0] = 1e3
        a, b = (model.generate(encoder_outputs=m, max_new_tokens=12, do_sample=False) for m in (memory, other))
        assert torch.equal(a, b)

    def test_samples_of_a_row_are_its_own_whatever_its_neighbours(self) -> None:
        model, z = toy_space().model, latents(6)
        together = write_sampled(model, model.memory(z), temperature=1.0, seed=4)
        alone = write_sampled(model, model.memory(z[3:4]), temperature=1.0, seed=4, first=3)
        assert torch.equal(together[3:4], alone)
        assert not torch.equal(together, write_sampled(model, model.memory(z), temperature=1.0, seed=5))

    def test_samples_of_a_narrow_nucleus_are_the_likeliest_tokens(self) -> None:
        model, z = toy_space().model, latents(6)
        narrow = write_sampled(model, model.memory(z), temperature=1.0, top_p=1e-6)
        assert torch.equal(narrow, write_greedily(model, model.memory(z)))


class Fills:
    """Sources of several texts, filled by the toy model."""

    def __init__(self, spans: list[list[Span]], texts: list[str]) -> None:
        self.model: T5VAE = toy_space().model
        self.tokenizer = toy_space().tokenizer
        self.sentinels = sentinel_ids(self.tokenizer)
        self.words = words_of(self.tokenizer, texts)
        end = self.tokenizer.eos_token_id
        self.sources = [masked(w, s, self.sentinels, end=end) for w, s in zip(self.words, spans, strict=True)]

    def write(self, rows: list[int] | None = None, **options: object) -> list[list[list[int]] | None]:
        rows = list(range(len(self.sources))) if rows is None else rows
        n = len(rows)
        settings = {"temperature": 1.0, "guidance": 0.0, "top_p": 1.0, "most_tokens": 16, "seed": 0} | options
        z = latents(len(self.sources), self.model.pooled_dim)[rows]
        sampling = Sampling(
            torch.full((n,), float(settings["temperature"])),  # type: ignore[arg-type]
            torch.full((n,), float(settings["guidance"])),  # type: ignore[arg-type]
            settings["top_p"],  # type: ignore[arg-type]
            settings["most_tokens"],  # type: ignore[arg-type]
            settings["seed"],  # type: ignore[arg-type]
            apart=bool(settings.get("apart")),
            bias=settings.get("bias"),  # type: ignore[arg-type]
        )
        against = self.model.null.detach().expand(n, -1) if settings["guidance"] else None
        return write_fills(
            self.model,
            [self.sources[i] for i in rows],
            z,
            against,
            sampling,
            sentinels=self.sentinels,
            special=self.tokenizer.all_special_ids,
            forbidden=settings.get("forbidden"),  # type: ignore[arg-type]
        )


SPANS: list[list[Span]] = [[(1, 2)], [(0, 1), (3, 4)], [(0, 6)], [(2, 2)], [(1, 2), (3, 4), (5, 6)], [(4, 6)]]


@pytest.fixture(scope="module")
def fills() -> Fills:
    return Fills(SPANS, TEXTS)


def greedy_fill(model: T5VAE, source: Masked, z: torch.Tensor, sentinel: int, banned: list[int]) -> list[int]:
    """The likeliest fill of a source with one span, a whole pass for each token: slow and plain."""
    ids = torch.tensor([source.source])
    mask = torch.ones_like(ids)
    memory = model.memory(z, model.states(ids, mask), mask)
    prefix = [model.config.decoder_start_token_id, *source.target[: source.target.index(sentinel) + 1]]
    fill: list[int] = []
    while True:
        hidden, _ = model.decode(torch.tensor([[*prefix, *fill]]), memory)
        logits = model.t5.lm_head(hidden[0, -1])
        logits[banned] = float("-inf")
        token = int(logits.argmax())
        if token == sentinel:
            return fill
        fill.append(token)


class TestFills:
    def test_each_span_gets_a_fill(self, fills: Fills) -> None:
        found = fills.write()
        assert [len(row) if row else None for row in found] == [len(spans) for spans in SPANS]

    def test_what_is_drawn_for_a_row_does_not_depend_on_how_many_there_are(self, fills: Fills) -> None:
        for seed in range(3):
            assert fills.write(rows=[0, 1], seed=seed) == fills.write(seed=seed)[:2]

    def test_they_have_no_special_token(self, fills: Fills) -> None:
        special = {*fills.tokenizer.all_special_ids, *fills.sentinels}
        for seed in range(5):
            for row in fills.write(seed=seed, temperature=2.0):
                assert not special & {token for fill in row or [] for token in fill}

    def test_in_a_narrow_nucleus_they_are_the_likeliest_token_by_token(self, fills: Fills) -> None:
        # Each row alone, without padding, cache or neighbours: left padding and the cache change nothing.
        found = fills.write(top_p=1e-9)
        z = latents(len(SPANS), fills.model.pooled_dim)
        with torch.no_grad():
            for i, spans in enumerate(SPANS):
                if len(spans) > 1:
                    continue
                banned = [s for s in fills.tokenizer.all_special_ids if s != fills.sentinels[0]]
                assert found[i] == [
                    greedy_fill(fills.model, fills.sources[i], z[i : i + 1], fills.sentinels[0], banned)
                ]

    def test_later_fills_follow_what_is_kept_between(self, fills: Fills) -> None:
        # A row of two spans: the second is filled behind the first fill and the kept words, as one plain pass says.
        row = fills.write(top_p=1e-9)[1]
        assert row is not None
        source, (a, b) = fills.sources[1], fills.sentinels[:2]
        between = source.target[len(source.target) - 1 - source.target[::-1].index(a) + 1 : source.target.index(b) + 1]
        before = [fills.model.config.decoder_start_token_id, a, *row[0], a, *between]
        ids = torch.tensor([source.source])
        with torch.no_grad():
            z = latents(len(SPANS), fills.model.pooled_dim)[1:2]
            memory = fills.model.memory(z, fills.model.states(ids, torch.ones_like(ids)), torch.ones_like(ids))
            hidden, _ = fills.model.decode(torch.tensor([[*before, *row[1]]]), memory)
            logits = fills.model.t5.lm_head(hidden[0, len(before) - 1 :])
        logits[:, [0, 1, *(s for s in fills.sentinels if s != b)]] = float("-inf")
        assert logits.argmax(-1).tolist() == [*row[1], b]

    def test_a_row_in_a_narrow_nucleus_does_not_depend_on_its_neighbours(self, fills: Fills) -> None:
        together = fills.write(top_p=1e-9)
        assert [fills.write([i], top_p=1e-9)[0] for i in range(len(SPANS))] == together

    def test_forbidden_tokens_are_not_written(self, fills: Fills) -> None:
        used = {token for row in fills.write() for fill in row or [] for token in fill}
        forbidden = torch.zeros(fills.model.config.vocab_size, dtype=torch.bool)
        forbidden[list(used)] = True
        again = {token for row in fills.write(forbidden=forbidden) for fill in row or [] for token in fill}
        assert used and not used & again

    def test_a_bias_chooses_among_what_would_do_and_nothing_else(self, fills: Fills) -> None:
        bias = torch.zeros(fills.model.config.vocab_size)
        wanted = fills.tokenizer.encode("e", add_special_tokens=False)[0]
        bias[wanted] = 4.0
        often, usual = (
            [token for row in fills.write(bias=each) for fill in row or [] for token in fill].count(wanted)
            for each in (bias, None)
        )
        assert often > usual
        assert fills.write(bias=bias, top_p=1e-9) == fills.write(top_p=1e-9)  # what is not in the nucleus stays out
        assert fills.write(bias=torch.zeros_like(bias)) == fills.write()

    def test_a_fill_that_does_not_end_is_given_up(self, fills: Fills) -> None:
        found = fills.write(most_tokens=0)
        assert all(row is None or all(fill == [] for fill in row) for row in found)
        assert None in found

    def test_the_seed_decides(self, fills: Fills) -> None:
        assert fills.write(seed=1) == fills.write(seed=1) != fills.write(seed=2)

    def test_rows_apart_begin_with_different_tokens_where_they_fill_the_same(self) -> None:
        same = Fills([[(1, 2)]], [TEXTS[0]])

        def write(rows: int = 8, **options: object) -> list[list[list[int]] | None]:
            return same.write([0] * rows, temperature=1.5, most_tokens=60, **options)

        def begins(**options: object) -> list[int]:
            return [row[0][0] if row and row[0] else -1 for row in write(**options)]

        for guidance in (0.0, 0.5):
            assert len(set(begins(apart=True, guidance=guidance))) == 8 > len(set(begins(guidance=guidance)))
        # The first row draws as if it were alone; those before a row have a say, and those behind it have none.
        assert begins(apart=True)[0] == begins()[0]
        assert write(3, apart=True) == write(apart=True)[:3]
        # Where there are no more tokens, rows draw as if there were none before them.
        assert begins(apart=True, top_p=1e-9) == begins(top_p=1e-9)

    def test_guidance_of_nought_is_no_guidance(self, fills: Fills) -> None:
        assert fills.write(guidance=1e-9) == fills.write()

    def test_guidance_moves_fills_towards_what_the_latent_says(self, fills: Fills) -> None:
        # Fills of all words: what speaks for the latent, and against the null, is more where it was asked for.
        space, n = toy_space(), 60
        z = space.pooled(space.encode(toy_texts(n, seed=8)))
        (found,) = words_of(space.tokenizer, [toy_texts(1)[0]])
        gains = []
        for guidance in (0.0, 1.0):
            sampling = Sampling(torch.ones(n), torch.full((n,), guidance), 1.0, 24, 0)
            out = space.fill(found, [[(0, len(found))]] * n, z, sampling, against=space.null.expand(n, -1))
            kept = [i for i, text in enumerate(out) if text is not None and text.strip()]
            texts = [str(out[i]) for i in kept]
            gains.append((space.log_likelihood(texts, z[kept]) - space.log_likelihood(texts)).mean())
        assert gains[1] > gains[0] + 0.05  # nats a token

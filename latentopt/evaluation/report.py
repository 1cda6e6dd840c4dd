"""evaluate(): everything that `latentopt evaluate` reports of a model, on texts that it has not seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latentopt.errors import LatentoptError
from latentopt.evaluation.fills import fills, language_model
from latentopt.evaluation.latents import dimensions, latent_health
from latentopt.evaluation.ngrams import NGramModel
from latentopt.evaluation.texts import Checker, by_length, distinct_n, interpolation, reconstruction, valid_share
from latentopt.model.tokenizer import token_ids
from latentopt.space import LatentSpace
from latentopt.space.texts import checked_texts

FEWEST = 4  # texts: two for the n-gram model, two to compare with it


@dataclass(frozen=True)
class Evaluation:
    """A report, and what its figures are drawn from.

    report: plain data, in the shape of docs/schemas/evaluate.schema.json. texts, decoded: n texts and what became of
    them. z: their latents, (n, d). samples: texts of prior latents. paths: the interpolations.
    """

    report: dict[str, Any]
    texts: list[str]
    decoded: list[str]
    z: Tensor
    samples: list[str]
    paths: list[list[str]]


def evaluate(
    space: LatentSpace,
    texts: Collection[str],
    *,
    reference: Collection[str] | None = None,
    samples: int = 1000,
    pairs: int = 200,
    points: int = 11,
    checker: Checker | None = None,
    invert: bool = False,
    batch_size: int = 256,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Evaluation:
    """Measure a model on texts that it was not trained on.

    Args:
        space: the model.
        texts: four or more, none beyond the model's limit.
        reference: texts for the n-gram model that judges samples, and in which they are looked up: best the training
            texts. None fits it on every other one of `texts` and judges by the rest.
        samples: how many draws of the prior are decoded.
        pairs: how many pairs of texts are interpolated, with `points` points each, both ends included.
        checker: says whether a text is valid; see `valid_share`.
        invert: also invert the texts that plain encoding does not reproduce.
        batch_size: texts that are computed together.
        seed: of all draws.
        progress: is told what comes next.

    Raises:
        LatentoptError: for too few texts, or one that is empty or beyond the model's limit.
    """
    texts = checked_texts(texts)
    reference = None if reference is None else list(reference)
    say = progress or (lambda step: None)
    lengths = space.lengths(texts)
    if len(texts) < FEWEST:
        raise LatentoptError(f"an evaluation needs {FEWEST} texts or more, got {len(texts)}")
    if max(lengths) > space.max_tokens:
        raise LatentoptError(
            f"texts must have at most the {space.max_tokens} tokens of the model to be evaluated, got one of "
            f"{max(lengths)}; leave out the longer ones"
        )
    if min(samples, pairs) < 1 or points < 2:
        raise LatentoptError(
            "an evaluation needs a sample, a pair and two points of it or more, "
            f"got samples={samples}, pairs={pairs}, points={points}"
        )
    say(f"encoding and decoding {len(texts):,} texts")
    started = time.perf_counter()
    z = space.encode(texts, batch_size=batch_size)
    encoded = time.perf_counter()
    decoded = space.decode(z, batch_size=batch_size)
    finished = time.perf_counter()
    report: dict[str, Any] = {
        "texts": len(texts),
        "tokens": sum(lengths),
        "seed": seed,
        "model": {
            "fingerprint": space.fingerprint,
            "parameters": sum(p.numel() for p in space.model.parameters()),
            "latent_dim": space.latent_dim,
        },
        "reconstruction": reconstruction(texts, decoded) | {"by_length": by_length(texts, decoded, lengths)},
        "latent": latent_health(z, seed=seed) | {"dimensions": dimensions(z)},
        "throughput": {
            "encode_texts_per_second": len(texts) / (encoded - started),
            "decode_texts_per_second": len(texts) / (finished - encoded),
            "threads": torch.get_num_threads(),
        },
    }
    report["round_trip"] = _round_trip(space, z, decoded, z, batch_size=batch_size)
    if invert:
        say("inverting the texts that encoding does not reproduce")
        report["inversion"] = inversion(space, texts, batch_size=batch_size, seed=seed)

    say("filling masked words")
    report["fills"] = fills(space, texts, batch_size=batch_size, seed=seed)
    report["language_model"] = language_model(space, texts, batch_size=batch_size)

    # Without a reference, the n-gram model has seen none of the texts that samples are compared with.
    fitted, real = (reference, texts) if reference is not None else (texts[::2], texts[1::2])
    ngrams = NGramModel.fit(_ids(space, fitted), vocab_size=len(space.tokenizer), bigrams=None, trigrams=None)
    say(f"decoding {samples:,} draws of the prior")
    z_drawn = space.draw(samples, seed=seed)
    drawn = space.decode(z_drawn, batch_size=batch_size)
    perplexity, usual = ngrams.perplexity(_ids(space, drawn)), ngrams.perplexity(_ids(space, real))
    alike = min(samples, len(real))  # shares of different words fall with the number of texts
    report["samples"] = {
        "count": samples,
        "perplexity": perplexity,
        "real_perplexity": usual,
        "perplexity_ratio": perplexity / usual,
        "distinct": len(set(drawn)) / samples,
        "distinct_1": distinct_n(drawn[:alike], 1),
        "distinct_2": distinct_n(drawn[:alike], 2),
        "real_distinct_1": distinct_n(real[:alike], 1),
        "real_distinct_2": distinct_n(real[:alike], 2),
        "verbatim": None if reference is None else sum(map(set(reference).__contains__, drawn)) / samples,
        "round_trip": _round_trip(space, z_drawn, drawn, z, batch_size=batch_size),
    }
    say(f"interpolating {pairs:,} pairs")
    generator = torch.Generator().manual_seed(seed)
    left = torch.randint(len(texts), (pairs,), generator=generator)
    right = (left + torch.randint(1, len(texts), (pairs,), generator=generator)) % len(texts)  # never the same text
    paths = space.interpolate([texts[i] for i in left], [texts[i] for i in right], steps=points)
    flat = [text for path in paths for text in path]
    fluency = ngrams.fluency(_ids(space, flat)).tolist()
    report["interpolation"] = {"pairs": pairs, "points": points} | interpolation(paths, fluency)
    if checker is not None:
        report["samples"]["valid"] = valid_share(drawn, checker)
        report["interpolation"]["valid"] = valid_share(flat, checker)
    return Evaluation(report, texts, decoded, z, drawn, paths)


def _ids(space: LatentSpace, texts: Sequence[str]) -> list[list[int]]:
    return token_ids(space.tokenizer, texts)


def _round_trip(
    space: LatentSpace, z: Tensor, decoded: Sequence[str], texts: Tensor, *, batch_size: int
) -> dict[str, float | None]:
    """How far encode(decode(z)) is from z, in distances between two texts (of latents `texts`, as they come)."""
    # A blank text cannot be encoded, and one may come out longer than it could go in.
    sound = [
        i
        for i, (text, n) in enumerate(zip(decoded, space.lengths(decoded), strict=True))
        if text.strip() and n <= space.max_tokens
    ]
    unit = (texts - texts.roll(len(texts) // 2, 0)).norm(dim=1).mean().clamp_min(1e-12)
    moved = None
    if sound:
        moved = (
            (space.encode([decoded[i] for i in sound], batch_size=batch_size) - z[sound]).norm(dim=1) / unit
        ).mean()
    return {"distance": None if moved is None else moved.item(), "unencodable": 1 - len(sound) / len(decoded)}


def inversion(space: LatentSpace, texts: Sequence[str], *, batch_size: int, seed: int) -> dict[str, float]:
    """What inversion adds to plain encoding, and its cost."""
    started = time.perf_counter()
    found = space.invert(texts, batch_size=batch_size, seed=seed)
    seconds = time.perf_counter() - started
    inverted = found.exact & ~found.encoded_exact
    away = (found.z - found.encoded).norm(dim=1)[inverted]
    return {
        "exact_before": int(found.encoded_exact.sum()) / len(texts),
        "exact": int(found.exact.sum()) / len(texts),
        "seconds_per_text": seconds / lost if (lost := int((~found.encoded_exact).sum())) else 0.0,
        "seconds": seconds,
        "distance": away.mean().item() if len(away) else 0.0,
    }

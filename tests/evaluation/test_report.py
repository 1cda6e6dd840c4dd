import json

import pytest

from latentopt import LatentoptError
from latentopt.evaluation import distinct_n, evaluate, interpolation, reconstruction
from latentopt.evaluation.ngrams import NGramModel
from latentopt.model.tokenizer import token_ids
from latentopt.space import LatentSpace
from tests.toy import toy_space, toy_texts

TEXTS = toy_texts(60, seed=5)


@pytest.fixture(scope="module")
def found():
    return evaluate(toy_space(), TEXTS, samples=40, pairs=3, points=5, checker=str.isascii, invert=True)


def test_the_keys_of_a_report(found):
    assert {
        section: set(found.report[section]) for section in found.report if isinstance(found.report[section], dict)
    } == {
        "model": {"fingerprint", "parameters", "latent_dim"},
        "reconstruction": {"bleu", "chrf", "exact", "by_length"},
        "inversion": {"exact_before", "exact", "seconds_per_text", "seconds", "distance"},
        "latent": {
            "active_units",
            "active_axes",
            "effective_dimension",
            "std",
            "norm",
            "norm_std",
            "mmd",
            "mmd_p",
            "mmd_texts",
            "dimensions",
        },
        "round_trip": {"distance", "unencodable"},
        "samples": {
            "count",
            "perplexity",
            "real_perplexity",
            "perplexity_ratio",
            "distinct",
            "distinct_1",
            "distinct_2",
            "real_distinct_1",
            "real_distinct_2",
            "verbatim",
            "round_trip",
            "valid",
        },
        "interpolation": {"pairs", "points", "monotonic", "distinct", "fluency", "fluency_ends", "valid"},
        "fills": {"true", "null", "wrong"},
        "language_model": {"nats_per_token", "nats_per_character"},
        "throughput": {"encode_texts_per_second", "decode_texts_per_second", "threads"},
    }


def test_reconstruction_is_that_of_the_space(found):
    decoded = toy_space().decode(toy_space().encode(TEXTS))
    assert found.decoded == decoded
    assert {k: found.report["reconstruction"][k] for k in ("bleu", "chrf", "exact")} == reconstruction(TEXTS, decoded)


def test_inversion_finds_what_decodes_to_its_text(found):
    inversion = found.report["inversion"]
    again = toy_space().invert(TEXTS)
    decoded = toy_space().decode(again.z)
    assert inversion["exact"] == pytest.approx(sum(a == b for a, b in zip(decoded, TEXTS, strict=True)) / len(TEXTS))
    assert inversion["exact"] > inversion["exact_before"] == found.report["reconstruction"]["exact"]
    away = (again.z - again.encoded).norm(dim=1)[again.exact & ~again.encoded_exact]
    assert inversion["distance"] == pytest.approx(away.mean().item(), rel=0.05)


def test_texts_that_come_back_end_where_they_began(found):
    assert found.report["round_trip"]["distance"] < found.report["samples"]["round_trip"]["distance"]


def test_samples_are_looked_up_in_the_reference(found):
    assert found.report["samples"]["verbatim"] is None
    again = evaluate(toy_space(), TEXTS, reference=[*toy_texts(50, seed=6), *found.samples], samples=40, pairs=1)
    assert again.report["samples"]["verbatim"] == 1


def test_what_is_counted_is_what_there_is(found):
    report = found.report
    assert (report["texts"], report["tokens"]) == (60, sum(toy_space().lengths(TEXTS)))
    assert report["model"]["parameters"] == sum(weights.numel() for weights in toy_space().model.parameters())
    lengths = zip(found.samples, toy_space().lengths(found.samples), strict=True)
    lost = [not text.strip() or n > toy_space().max_tokens for text, n in lengths]
    assert report["samples"]["round_trip"]["unencodable"] == pytest.approx(sum(lost) / 40)


@pytest.fixture(scope="module")
def ngrams():
    """The judge of a report without a reference: every other text, and the others are compared with."""
    ids = token_ids(toy_space().tokenizer, TEXTS[::2])
    return NGramModel.fit(ids, vocab_size=len(toy_space().tokenizer), bigrams=None, trigrams=None)


def test_what_is_said_of_samples_is_measured_on_them(found, ngrams):
    said, drawn, real = found.report["samples"], found.samples, TEXTS[1::2]
    assert said["distinct"] == len(set(drawn)) / 40
    for n in (1, 2):
        assert said[f"distinct_{n}"] == distinct_n(drawn[:30], n)  # as many as there are others
        assert said[f"real_distinct_{n}"] == distinct_n(real, n)
    assert said["valid"] == sum(map(str.isascii, drawn)) / 40
    ours, usual = (ngrams.perplexity(token_ids(toy_space().tokenizer, texts)) for texts in (drawn, real))
    assert (said["perplexity"], said["real_perplexity"]) == pytest.approx((ours, usual))
    assert said["perplexity_ratio"] == pytest.approx(ours / usual)


def test_ways_have_their_points_and_what_is_said_of_them_is_measured_on_them(found, ngrams):
    assert [len(path) for path in found.paths] == [5, 5, 5]
    texts = [text for path in found.paths for text in path]
    again = interpolation(found.paths, ngrams.fluency(token_ids(toy_space().tokenizer, texts)).tolist())
    valid = sum(map(str.isascii, texts)) / len(texts)
    assert found.report["interpolation"] == pytest.approx({"pairs": 3, "points": 5, "valid": valid, **again})


def test_no_text_is_paired_with_itself(monkeypatch):
    paired = []

    def interpolate(space, a, b, *, steps):
        paired.extend(zip(a, b, strict=True))
        return [[first, last] for first, last in zip(a, b, strict=True)]

    monkeypatch.setattr(LatentSpace, "interpolate", interpolate)
    different = sorted(set(TEXTS))[:5]
    evaluate(toy_space(), different, samples=1, pairs=50, points=2)
    assert len(paired) == 50
    assert all(first != last for first, last in paired)
    assert {text for pair in paired for text in pair} == set(different)


def test_texts_that_are_all_alike_give_numbers():
    found = evaluate(toy_space(), TEXTS[:1] * 8, samples=4, pairs=2, points=3)
    assert json.dumps(found.report, allow_nan=False)


@pytest.mark.parametrize("wrong", [{"samples": 0}, {"pairs": 0}, {"points": 1}])
def test_too_few_draws_are_refused_before_the_work(wrong):
    with pytest.raises(LatentoptError, match="a sample, a pair and two points of it or more"):
        evaluate(toy_space(), TEXTS, **wrong)


def test_the_same_seed_gives_the_same_figures(found):
    again = evaluate(toy_space(), TEXTS, samples=40, pairs=3, points=5, checker=str.isascii)
    for section in ("reconstruction", "latent", "round_trip", "samples", "interpolation"):
        assert again.report[section] == found.report[section]


def test_too_few_texts_are_refused():
    with pytest.raises(LatentoptError, match="needs 4 texts or more, got 3"):
        evaluate(toy_space(), TEXTS[:3])


def test_texts_beyond_the_limit_are_refused():
    with pytest.raises(LatentoptError, match="at most the 31 tokens"):
        evaluate(toy_space(), [*TEXTS, "boats " * 100])

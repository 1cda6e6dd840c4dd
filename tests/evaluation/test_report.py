import json

import pytest

from latentopt import LatentoptError
from latentopt.evaluation import evaluate, interpolation, reconstruction
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


def test_texts_that_come_back_end_where_they_began(found):
    assert found.report["round_trip"]["distance"] < found.report["samples"]["round_trip"]["distance"]


def test_samples_are_looked_up_in_the_reference(found):
    assert found.report["samples"]["verbatim"] is None
    again = evaluate(toy_space(), TEXTS, reference=[*toy_texts(50, seed=6), *found.samples], samples=40, pairs=1)
    assert again.report["samples"]["verbatim"] == 1


def test_ways_have_their_points_and_what_is_said_of_them_is_measured_on_them(found):
    assert [len(path) for path in found.paths] == [5, 5, 5]
    report, texts = found.report["interpolation"], [text for path in found.paths for text in path]
    again = interpolation(found.paths, [0.0] * len(texts))
    assert (report["monotonic"], report["distinct"]) == (again["monotonic"], again["distinct"])
    assert report["valid"] == sum(map(str.isascii, texts)) / len(texts)


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

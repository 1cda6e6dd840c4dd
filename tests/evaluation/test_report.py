import pytest
import torch

from latentopt import LatentoptError
from latentopt.evaluation import evaluate, reconstruction
from tests.toy import toy_space, toy_texts

TEXTS = toy_texts(60, seed=5)


@pytest.fixture(scope="module")
def found():
    return evaluate(toy_space(), TEXTS, samples=40, pairs=3, points=5, checker=str.isascii, invert=True)


def test_the_keys_that_readme_documents(found):
    assert {
        section: set(found.report[section]) for section in found.report if isinstance(found.report[section], dict)
    } == {
        "model": {"fingerprint", "parameters", "latent_dim"},
        "reconstruction": {"bleu", "chrf", "exact", "by_length"},
        "inversion": {"exact_before", "exact", "seconds_per_text", "seconds", "distance"},
        "latent": {
            "active_units",
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
        "throughput": {"encode_texts_per_second", "decode_texts_per_second", "threads"},
    }


def test_reconstruction_is_that_of_the_space(found):
    decoded = toy_space().decode(toy_space().encode(TEXTS))
    assert found.decoded == decoded
    assert {k: found.report["reconstruction"][k] for k in ("bleu", "chrf", "exact")} == reconstruction(TEXTS, decoded)


def test_inversion_is_no_worse_than_encoding(found):
    inversion = found.report["inversion"]
    assert inversion["exact_before"] == found.report["reconstruction"]["exact"]
    assert inversion["exact"] >= inversion["exact_before"]


def test_texts_that_come_back_end_where_they_began(found):
    assert found.report["round_trip"]["distance"] < found.report["samples"]["round_trip"]["distance"]


def test_samples_are_looked_up_in_the_reference(found):
    assert found.report["samples"]["verbatim"] is None
    again = evaluate(toy_space(), TEXTS, reference=[*toy_texts(50, seed=6), *found.samples], samples=40, pairs=1)
    assert again.report["samples"]["verbatim"] == 1


def test_ways_have_their_points(found):
    assert [len(path) for path in found.paths] == [5, 5, 5]
    assert torch.isfinite(torch.tensor(found.report["interpolation"]["monotonic"]))


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

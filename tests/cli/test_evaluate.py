"""`latentopt evaluate`: the report as table, JSON and figures."""

import json

import pandas as pd
import pytest
from scipy.stats import rankdata

from latentopt.evaluation import evaluate
from tests.toy import toy_space, toy_texts

TEXTS = toy_texts(40, seed=5)
LIKES = [7 * i % 40 for i in range(40)]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "texts.parquet"
    pd.DataFrame({"text": TEXTS, "likes": LIKES}).to_parquet(path)
    return path


def test_the_json_is_the_report(cli_json, file):
    found = cli_json("evaluate", "--input", file, "--samples", 20, "--pairs", 2)
    expected = evaluate(toy_space(), TEXTS, samples=20, pairs=2, batch_size=64).report
    for section in ("reconstruction", "latent", "fills", "language_model", "samples", "interpolation"):
        assert found[section] == expected[section]


def test_the_table_shows_the_figures(cli, file):
    result = cli("evaluate", "--input", file, "--samples", 20, "--pairs", 2, "--invert", "--checker", "ast:parse")
    assert result.exit_code == 0
    for row in (
        "BLEU",
        "exact match",
        "active units",
        "permutation p",
        "no latent",
        "nats a character",
        "perplexity ratio",
        "monotonic",
        "Inversion",
    ):
        assert row in result.stdout
    assert result.stdout.count("by the checker") == 2


def test_samples_are_looked_up_in_the_reference(cli_json, file, tmp_path):
    reference = tmp_path / "reference.txt"
    reference.write_text("".join(f"{text}\n" for text in [*toy_texts(60, seed=9), *toy_space().sample(20)]))
    found = cli_json("evaluate", "--input", file, "--reference", reference, "--samples", 20, "--pairs", 2)
    alone = cli_json("evaluate", "--input", file, "--samples", 20, "--pairs", 2)
    assert (found["samples"]["verbatim"], alone["samples"]["verbatim"]) == (1, None)
    assert found["samples"]["perplexity"] != alone["samples"]["perplexity"]


def test_figures_are_written(cli, file, tmp_path):
    folder = tmp_path / "new" / "figures"
    result = cli("evaluate", "--input", file, "--samples", 5, "--pairs", 4, "--figures", folder, "--colour", "likes")
    assert result.exit_code == 0
    assert sorted(p.name for p in folder.iterdir()) == [
        "interpolation.png",
        "latent_map.png",
        "reconstruction_by_length.png",
    ]


def test_the_map_is_coloured_by_the_column_that_is_named(cli, file, tmp_path, monkeypatch):
    drawn = {}
    monkeypatch.setattr("latentopt.cli.evaluate.draw", lambda figure, path: drawn.update({path.name: figure}))
    lengths = toy_space().lengths(TEXTS)
    limit = sorted(lengths)[len(lengths) // 2]
    likes = [many for many, tokens in zip(LIKES, lengths, strict=True) if tokens <= limit]
    options = "--samples", 5, "--pairs", 4, "--max-tokens", limit, "--figures", tmp_path
    for colour, values in (("likes", likes), ("tokens", [tokens for tokens in lengths if tokens <= limit])):
        asked = () if colour == "tokens" else ("--colour", colour)
        assert cli("evaluate", "--input", file, *options, *asked).exit_code == 0
        map, bar = drawn["latent_map.png"].axes
        assert rankdata(map.collections[0].get_array()).tolist() == rankdata(values).tolist()
        assert bar.get_ylabel() == f"{colour} (percentile)"


def test_longer_texts_are_left_out_with_a_warning(cli, file):
    lengths = toy_space().lengths(TEXTS)
    limit = sorted(lengths)[len(lengths) // 2]
    result = cli("evaluate", "--input", file, "--max-tokens", limit, "--samples", 5, "--pairs", 1, "--json")
    assert f"have more than {limit} tokens and are left out" in result.stderr
    assert json.loads(result.stdout)["texts"] == sum(n <= limit for n in lengths) < len(TEXTS)


def test_rows_takes_the_first_texts(cli_json, file):
    assert cli_json("evaluate", "--input", file, "--rows", 10, "--samples", 5, "--pairs", 1)["texts"] == 10


@pytest.mark.parametrize(
    ("checker", "message"),
    [
        ("parse", "a checker is MODULE:FUNCTION"),
        ("no_such_module:check", "No module named 'no_such_module'"),
        ("ast:no_such_function", "no attribute 'no_such_function'"),
        ("sys:path", "sys:path is no function"),
    ],
)
def test_a_checker_that_is_none_is_wrong_usage(cli, file, checker, message):
    result = cli("evaluate", "--input", file, "--checker", checker)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_colour_that_is_no_column_is_an_error(cli, file, tmp_path):
    result = cli("evaluate", "--input", file, "--figures", tmp_path / "f", "--colour", "hates")
    assert result.exit_code == 1
    assert "hates" in result.stderr


def test_a_colour_needs_a_file_and_figures(cli, file):
    result = cli("evaluate", "--input", file, "--colour", "likes")
    assert result.exit_code == 2
    assert "--colour names a column of numbers in --input FILE" in " ".join(result.stderr.split())


def test_too_few_texts_are_an_error(cli):
    result = cli("evaluate", *TEXTS[:2])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "needs 4 texts or more, got 2" in result.stderr

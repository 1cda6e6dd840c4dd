"""Files that no head can be learned from, each with the error that says why, and what helps."""

import pandas
import pytest

from tests.toy import toy_texts

TEXTS = toy_texts(60, seed=4)


@pytest.fixture(scope="module")
def posts(tmp_path_factory):
    frame = pandas.DataFrame(
        {
            "text": TEXTS,
            "constant": 7,
            "one": "glad",
            "missing": None,
            "loss": [-i for i in range(60)],
            "likes": [i % 9 for i in range(60)],
            "row": range(60),
            "nobody": [None if i % 2 else "me" for i in range(60)],
            "season": ["winter", "summer"] * 30,
        }
    )
    file = tmp_path_factory.mktemp("posts") / "posts.csv"
    frame.to_csv(file, index=False)
    return file


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--value", "constant"], 1, "a head learns from values that differ, but all are 7; give another column"),
        (["--value", "one"], 1, "a head learns from values that differ, but all are 'glad'"),
        (["--value", "missing"], 1, "60 of 60 rows cannot be used"),
        (["--value", "loss", "--scale", "log1p"], 1, "and no count is below 0"),
        (["--value", "loss", "--family", "negative-binomial"], 1, "the scale 'log' is for counts of at least 0, got -"),
        (["--value", "likes", "--group", "row"], 1, "all 60 rows have one of their own; leave them out"),
        (["--value", "likes", "--group", "nobody"], 1, "nobody is empty"),
        (["--value", "row", "--column", "likes"], 1, "the column 'likes' holds numbers"),
        (
            ["--value", "season", "--family", "ordinal"],
            1,
            "the family ordinal is for numbers, but the values",
        ),
        (
            ["--value", "likes", "--family", "negative-binomial", "--scale", "identity"],
            1,
            "has the scale log",
        ),
        (["--value", "likes", "--split", "time"], 2, "--split time goes by a column; it and --time COLUMN are given"),
        (["--value", "likes", "--time", "row"], 2, "--split time goes by a column; it and --time COLUMN are given"),
        (["--value", "likes", "--split", "group"], 2, "--split group holds out whole groups; it needs --group COLUMN"),
        (
            ["--value", "likes", "--split", "time", "--time", "season"],
            1,
            "dates such as 2026-11-25, got 'win",
        ),
    ],
)
def test_what_cannot_be_learned_from_is_refused(cli, posts, tmp_path, options, code, message):
    result = cli("fit", "it", posts, *options, "--output", tmp_path / "it")
    assert result.exit_code == code, result.stderr
    assert message in " ".join(result.stderr.split())
    assert not (tmp_path / "it").exists()


def test_a_study_database_that_cannot_be_reached_is_an_error(cli, posts, tmp_path):
    words = "tune", "it", posts, "--value", "likes", "--kind", "numbers", "--trials", 1, "--output", tmp_path / "it"
    result = cli(*words, "--storage", "postgresql://nobody@localhost:1/none")
    assert result.exit_code == 1
    assert "trials cannot be kept there" in result.stderr


def test_trees_are_for_searches_without_gradients(cli, posts, tmp_path):
    words = "fit", "likes", posts, "--value", "likes", "--family", "boosting", "--output", tmp_path / "likes"
    assert cli(*words).exit_code == 0
    wish = "optimize", "--head", tmp_path / "likes", "--target", "likes=8", TEXTS[0]
    refused = cli(*wish)
    assert refused.exit_code == 1
    assert "follows gradients, but of this goal Target has none; take an optimizer" in " ".join(refused.stderr.split())
    assert cli(*wish, "--optimizer", "random").exit_code == 0


def test_time_splits_and_a_page_of_figures_are_made_when_asked_for(cli, cli_json, posts, tmp_path):
    figures = "--figures", tmp_path / "figures"
    options = "--value", "likes", "--split", "time", "--time", "row", *figures, "--output", tmp_path / "likes"
    assert cli_json("fit", "likes", posts, *options)["report"]["rows"] == 12
    assert (tmp_path / "figures" / "likes.png").read_bytes().startswith(b"\x89PNG")

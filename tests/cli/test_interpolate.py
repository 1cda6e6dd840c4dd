import pandas as pd
import pytest

from tests.toy import toy_space


def lines(path):
    return [" ".join(text.splitlines()) for text in path]


def test_a_path_is_printed_a_text_a_line(cli):
    (path,) = toy_space().interpolate(["the sun"], ["the rain"], steps=4)
    result = cli("interpolate", "the sun", "the rain", "--steps", 4)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.split("\n")[:-1] == lines(path)


def test_paths_of_a_file_are_separated_by_an_empty_line(cli, cli_json, tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("source,target\nthe sun,the rain\n,nothing\ngood morning,good night\n")
    first, second = toy_space().interpolate(["the sun", "good morning"], ["the rain", "good night"], steps=3)
    result = cli("interpolate", "--input", path, "--steps", 3)
    assert result.stdout.split("\n")[:-1] == [*lines(first), "", *lines(second)]
    assert result.stderr == f"warning: {path}, row 3: source is empty\n"
    assert cli_json("interpolate", "--input", path, "--steps", 3)["paths"] == [
        {"row": 2, "source": "the sun", "target": "the rain", "texts": first},
        {"row": 4, "source": "good morning", "target": "good night", "texts": second},
    ]


def test_a_file_of_paths_has_a_row_a_step(cli, tmp_path):
    path = tmp_path / "paths.parquet"
    assert cli("interpolate", "the sun", "the rain", "--steps", 3, "--output", path).exit_code == 0
    frame = pd.read_parquet(path)
    assert list(frame.columns) == ["row", "source", "target", "step", "text"]
    assert frame["step"].tolist() == [0, 1, 2]
    assert frame["text"].tolist() == toy_space().interpolate(["the sun"], ["the rain"], steps=3)[0]


def test_an_empty_end_is_a_failure(cli):
    result = cli("interpolate", "the sun", "")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == "warning: arguments, row 1: target is empty"


@pytest.mark.parametrize("arguments", [[], ["one"], ["one", "two", "three"], ["a", "b", "--input", "x.csv"]])
def test_two_texts_or_a_file(cli, arguments):
    result = cli("interpolate", *arguments)
    assert result.exit_code == 2
    assert "give two texts, SOURCE and TARGET, or pairs with --input FILE" in result.stderr


def test_one_step_is_no_path(cli):
    assert cli("interpolate", "a", "b", "--steps", 1).exit_code == 2

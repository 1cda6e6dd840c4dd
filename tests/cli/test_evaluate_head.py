import pandas
import pytest

from tests.toy import toy_texts

TEXTS = toy_texts(200, seed=6)


@pytest.fixture(scope="module")
def head(cli, tmp_path_factory):
    """The directory of a head for the lengths of texts, beside a table of them."""
    folder = tmp_path_factory.mktemp("heads")
    lengths = [len(text) for text in TEXTS]
    frame = pandas.DataFrame({"text": TEXTS, "length": lengths, "day": [i // 4 for i in range(200)], "of": 1000})
    frame.to_csv(folder / "posts.csv", index=False)
    result = cli("fit", "length", folder / "posts.csv", "--value", "length", "--output", folder / "length")
    assert result.exit_code == 0, result.stderr
    return folder / "length"


def test_pairs_of_a_file_are_ordered(cli, cli_json, head, tmp_path):
    longer = ["first" if len(a) > len(b) else "second" for a, b in zip(TEXTS[::2], TEXTS[1::2], strict=True)]
    frame = pandas.DataFrame({"first": TEXTS[::2], "second": TEXTS[1::2], "longer": longer})
    frame.to_csv(tmp_path / "pairs.csv", index=False)
    result = cli("evaluate-head", head, tmp_path / "pairs.csv", "--more", "longer")
    assert result.exit_code == 0, result.stderr
    assert "100 pairs" in result.stdout
    assert "both, stacked" in result.stdout
    document = cli_json("evaluate-head", head, tmp_path / "pairs.csv", "--more", "longer")
    assert document["stacked"]["low"] < document["stacked"]["ordered"] < document["stacked"]["high"]
    assert document["stacked"]["ordered"] > 0.7


def test_rows_of_one_group_are_paired(cli_json, head):
    posts = head.parent / "posts.csv"
    document = cli_json("evaluate-head", head, posts, "--value", "length", "--group", "day")
    assert document["stacked"]["ordered"] > 0.7
    rates = "--value", "length", "--of", "of", "--group", "day"
    clear = cli_json("evaluate-head", head, posts, *rates, "--least-z", "1")
    assert clear["pairs"] < cli_json("evaluate-head", head, posts, *rates)["pairs"]


def test_rows_without_a_group_are_no_group(cli, cli_json, head, tmp_path):
    frame = pandas.read_csv(head.parent / "posts.csv").astype({"day": object}).assign(who="me")
    frame.loc[100:, "day"] = None
    frame.to_csv(tmp_path / "posts.csv", index=False)
    words = "evaluate-head", head, tmp_path / "posts.csv", "--value", "length", "--group", "day, who"
    frame[:100].to_csv(tmp_path / "half.csv", index=False)
    half = cli_json("evaluate-head", head, tmp_path / "half.csv", "--value", "length", "--group", "day")
    assert cli_json(*words)["pairs"] == half["pairs"]
    assert "day is empty" in cli(*words).stderr


def test_of_few_groups_an_interval_is_said_to_be_too_narrow(cli, head, tmp_path):
    frame = pandas.read_csv(head.parent / "posts.csv")
    words = "--value", "length", "--group", "day"
    frame[:8].to_csv(tmp_path / "few.csv", index=False)
    assert (
        "of 2 groups alone: the intervals are too narrow"
        in cli("evaluate-head", head, tmp_path / "few.csv", *words).stderr
    )
    assert "too narrow" not in cli("evaluate-head", head, head.parent / "posts.csv", *words).stderr


def test_of_three_classes_one_must_be_named(cli, cli_json, head, tmp_path):
    frame = pandas.read_csv(head.parent / "posts.csv")
    frame["size"] = [("small", "middle", "large")[i % 3] for i in range(len(frame))]
    frame.to_csv(tmp_path / "posts.csv", index=False)
    cli_json("fit", "size", tmp_path / "posts.csv", "--value", "size", "--output", tmp_path / "size")
    words = "evaluate-head", tmp_path / "size", tmp_path / "posts.csv", "--value", "length", "--group", "day"
    result = cli(*words)
    assert result.exit_code == 2
    assert "has the classes large, middle, small; --class says which is meant" in result.stderr
    assert cli_json(*words, "--class", "large")["pairs"] > 0


def test_of_two_classes_it_is_said_which_is_meant(cli, cli_json, head, tmp_path):
    frame = pandas.read_csv(head.parent / "posts.csv")
    frame["size"] = ["small" if length < 47 else "large" for length in frame["length"]]
    frame.to_csv(tmp_path / "posts.csv", index=False)
    cli_json("fit", "size", tmp_path / "posts.csv", "--value", "size", "--output", tmp_path / "size")
    words = "evaluate-head", tmp_path / "size", tmp_path / "posts.csv", "--value", "length", "--group", "day"
    assert "more is of the class small; --class names the other" in cli(*words).stderr
    small, large = (cli_json(*words, *more)["stacked"]["ordered"] for more in ([], ["--class", "large"]))
    assert small < 0.4
    assert small + large == pytest.approx(1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "say which text has more"),
        (["--more", "a", "--value", "b", "--group", "c"], "say which text has more"),
        (["--value", "text", "--group", "day"], "--column, --value, --of and --group name the same column"),
        (["--value", "length"], "--value goes with --group"),
        (["--value", "length", "--group", "day", "--least-z", "2"], "--least-z with --of"),
    ],
)
def test_half_a_question_is_wrong_usage(cli, head, options, message):
    result = cli("evaluate-head", head, head.parent / "posts.csv", *options)
    assert result.exit_code == 2
    assert message in result.stderr

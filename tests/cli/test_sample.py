import pandas as pd

from tests.toy import toy_space


def test_samples_are_those_of_the_space(cli_json):
    texts = toy_space().sample(4, seed=3, temperature=1.5)
    assert cli_json("sample", "-n", 4, "--seed", 3, "--temperature", 1.5) == {"texts": [{"text": t} for t in texts]}


def test_five_samples_a_line_each(cli):
    result = cli("sample")
    assert (result.exit_code, result.stderr, result.stdout.count("\n")) == (0, "", 5)


def test_samples_are_written_to_files(cli, tmp_path):
    path = tmp_path / "new" / "texts.parquet"
    assert cli("sample", "--output", path).exit_code == 0
    assert pd.read_parquet(path)["text"].tolist() == toy_space().sample(5)

import json

import numpy as np
import pandas as pd
import pytest
import torch

from tests.toy import toy_space

TEXTS = ["the sun is up", "good morning, all of you"]


@pytest.fixture(scope="module")
def latents():
    return toy_space().encode(TEXTS).numpy()


def close(rows, latents):
    np.testing.assert_allclose(np.array(list(rows), np.float32), latents, atol=1e-5)


def test_each_text_is_a_line_of_json(cli, latents):
    result = cli("encode", *TEXTS)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(row["row"], row["text"]) for row in rows] == [(1, TEXTS[0]), (2, TEXTS[1])]
    close([row["z"] for row in rows], latents)
    assert (result.exit_code, result.stderr) == (0, "")


def test_json_is_one_versioned_document(cli_json, latents):
    document = cli_json("encode", *TEXTS)
    assert list(document) == ["latents"]
    close([row["z"] for row in document["latents"]], latents)


def test_parquet_has_a_list_of_float32_a_text(cli, latents, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "z.parquet"
    result = cli("encode", *TEXTS, "--output", path)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"wrote 2 rows to {path}\n")
    table = pq.read_table(path)
    assert table.column_names == ["row", "text", "z", "error"]
    assert table.schema.field("z").type == pa.list_(pa.float32())
    close(table["z"].to_pylist(), latents)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "txt"])
def test_files_and_standard_input_give_the_same_latents(cli, latents, tmp_path, suffix):
    from latentopt.tables import write_table

    path = tmp_path / f"texts.{suffix}"
    write_table(pd.DataFrame({"text": TEXTS}), path)
    for result in (cli("encode", "--input", path), cli("encode", input=path.read_bytes())):
        assert result.exit_code == 0, result.stderr
        close([json.loads(line)["z"] for line in result.stdout.splitlines()], latents)


def test_good_rows_are_kept_beside_bad_ones(cli, tmp_path):
    path = tmp_path / "texts.csv"
    path.write_bytes(b"title,likes\nthe sun,1\nnul \x00,2\none,two,three\n,3\nthe rain,4\n")
    result = cli("encode", "--input", path, "--column", "title")
    assert [json.loads(line)["row"] for line in result.stdout.splitlines()] == [2, 6]
    assert result.stderr.splitlines() == [
        f"warning: {path}, row 3: title holds a NUL byte",
        f"warning: {path}, row 4: 3 fields, and the header has 2",
        f"warning: {path}, row 5: title is empty",
    ]
    assert result.exit_code == 0


def test_of_many_bad_rows_ten_are_named(cli, tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text("text\nthe sun\n" + '""\n' * 1_234)
    lines = cli("encode", "--input", path).stderr.splitlines()
    assert len(lines) == 11
    assert lines[-1] == f"warning: {path}: 1,224 more rows were left out"


def test_a_text_that_is_too_long_is_a_warning_with_its_tokens(cli):
    text = "good morning " * 770  # 10,010 characters
    result = cli("encode", text, "the sun")
    assert len(result.stdout.splitlines()) == 2
    assert result.stderr.startswith("warning: 1 of 2 texts")
    assert str(toy_space().lengths([text])[0]) in result.stderr.replace(",", "")
    assert (len(result.stderr.splitlines()), result.exit_code) == (1, 0)


@pytest.mark.parametrize("text", ["", "  \n "])
def test_nothing_to_encode_is_a_failure(cli, text):
    result = cli("encode", text)
    assert result.stderr.splitlines() == [
        "warning: arguments, row 1: text is empty",
        "error: arguments: no row is left to work on; give at least one text that is not empty",
    ]
    assert (result.exit_code, result.stdout) == (1, "")


def test_a_column_that_is_not_there(cli, tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text("title,likes\nthe sun,1\n")
    result = cli("encode", "--input", path)
    assert (result.exit_code, result.stdout) == (1, "")
    advice = "--column names the one with the texts"
    assert result.stderr == f"error: {path}: there is no column 'text'; the file has 'title', 'likes'; {advice}\n"


def test_a_model_that_is_not_there(cli, tmp_path):
    result = cli("encode", "the sun", "--model", tmp_path / "nowhere")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"error: {tmp_path}/nowhere")
    assert len(result.stderr.splitlines()) == 1


def test_a_damaged_model(cli, toy_model, tmp_path):
    import shutil

    model = shutil.copytree(toy_model, tmp_path / "model")
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    result = cli("encode", "the sun", "--model", model)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"error: {model}")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["the sun", "--input", "texts.csv"], "texts were given as arguments and with --input"),
        (["the sun", "--output", "z.csv"], "latents are written to .parquet or .jsonl"),
        (["the sun", "--output", "z.xlsx"], "the name must end in .csv, .jsonl, .parquet or .txt"),
        (["the sun", "--batch-size", "0"], "0 is not in the range x>=1"),
    ],
)
def test_wrong_usage(cli, arguments, message):
    result = cli("encode", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_terminal_without_texts_is_asked_for_some(cli, monkeypatch):
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True)
    result = cli("encode")
    assert result.exit_code == 2
    assert "give texts as arguments, with --input FILE, or pipe them in, one a line" in result.stderr


def test_as_many_threads_as_are_asked_for(cli, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # to have it back
    before = torch.get_num_threads()
    try:
        assert cli("encode", "--threads", "3", "the sun").exit_code == 0
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert cli("encode", "--threads", "0", "the sun").exit_code == 2

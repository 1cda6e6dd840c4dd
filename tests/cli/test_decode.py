import json

import pytest

from tests.toy import toy_space

TEXTS = ["the sun is up", "good morning, all of you"]


@pytest.fixture(scope="module")
def decoded():
    space = toy_space()
    return space.decode(space.encode(TEXTS))


def lines(texts):
    return "".join(" ".join(text.splitlines()) + "\n" for text in texts)


def test_what_encode_prints_is_what_decode_reads(cli, decoded):
    result = cli("decode", input=cli("encode", *TEXTS).stdout)
    assert (result.exit_code, result.stderr, result.stdout) == (0, "", lines(decoded))


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_what_encode_writes_is_what_decode_reads(cli, cli_json, decoded, tmp_path, suffix):
    path = tmp_path / f"z.{suffix}"
    cli("encode", *TEXTS, "--output", path)
    assert cli("decode", path).stdout == lines(decoded)
    assert cli_json("decode", path) == {"texts": [{"row": n, "text": t} for n, t in enumerate(decoded, start=1)]}


def test_texts_are_written_to_files(cli, decoded, tmp_path):
    latents, texts = tmp_path / "z.parquet", tmp_path / "texts.txt"
    cli("encode", *TEXTS, "--output", latents)
    result = cli("decode", latents, "--output", texts)
    assert (result.exit_code, result.stdout) == (0, "")
    assert texts.read_text() == lines(decoded)


def test_options_of_the_search_reach_the_model(cli, tmp_path):
    path = tmp_path / "z.parquet"
    cli("encode", *TEXTS, "--output", path)
    z = toy_space().encode(TEXTS)
    drawn = ["--temperature", 2, "--top-p", 0.9, "--seed", 7, "--batch-size", 8]
    expected = toy_space().decode(z, batch_size=8, temperature=2.0, top_p=0.9, seed=7)
    assert cli("decode", path, *drawn).stdout == cli("decode", path, *drawn).stdout == lines(expected)
    assert cli("decode", path, "--num-beams", 3).stdout == lines(toy_space().decode(z, num_beams=3))


def test_rows_that_hold_no_latent_are_left_out(cli):
    d = toy_space().latent_dim
    values = [[0.0] * d, [0.0] * (d + 1), "no list", [None] * d, [1e999] * d]
    result = cli("decode", input="".join(json.dumps({"z": value}) + "\n" for value in values))
    assert len(result.stdout.splitlines()) == 1
    assert result.stderr.splitlines() == [
        f"warning: standard input, row 2: z has {d + 1} numbers, and a latent of this model has {d}",
        "warning: standard input, row 3: z is not a list of numbers",
        "warning: standard input, row 4: z holds a value that is not a finite number",
        "warning: standard input, row 5: z holds a value that is not a finite number",
    ]
    assert result.exit_code == 0


def test_texts_are_no_latents(cli, tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("the sun\n")
    result = cli("decode", path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"error: {path}: there is no column 'z'; the file has 'text'\n"


@pytest.mark.parametrize("arguments", [["--temperature", 0], ["--top-p", 1.5], ["--num-beams", 0], ["--seed", -1]])
def test_wrong_usage(cli, arguments):
    assert cli("decode", *arguments).exit_code == 2

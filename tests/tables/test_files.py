"""Files as people have them: each is read rightly, or refused with the option that helps."""

import bz2
import gzip
import io
import json
import lzma
import os
import sys
import threading
import warnings
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from latentopt.errors import LatentoptError
from latentopt.tables import Reading, digest_of, of_another_encoding, read_rows, read_table, read_texts, sources_of

TEXTS = ["a fine day", "what; a, day"]
TABLE = [{"id": 7, "text": TEXTS[0]}, {"id": 8, "text": TEXTS[1]}]
ARCHIVE = "window.YTD.tweets.part0 = " + json.dumps(
    [{"tweet": {"full_text": text, "favorite_count": "3"}} for text in TEXTS], indent=2
)


def zst(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed:
        packed.write(content)
    return sink.getvalue().to_pybytes()


def zipped(content: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("t.csv", content)
    return archive.getvalue()


def texts_of(path, column="text", **said):
    table = read_texts([], path, column, Reading(**said))
    assert table.errors == []
    return table.frame["text"].tolist()


CONTENTS = {
    "semicolon.csv": b'id;text\n7;a fine day\n8;"what; a, day"\n',
    "bar.csv": b"id|text\n7|a fine day\n8|what; a, day\n",
    "tabs.tsv": b"id\ttext\n7\ta fine day\n8\twhat; a, day\n",
    "tabs.csv": b"id\ttext\n7\ta fine day\n8\twhat; a, day\n",
    "tabs.txt": b"id\ttext\n7\ta fine day\n8\twhat; a, day\n",
    "array.json": json.dumps(TABLE).encode(),
    "pretty.json": json.dumps(TABLE, indent=4).encode(),
    "following.json": "\n".join(json.dumps(row, indent=1) for row in TABLE).encode(),
    "lines.json": "\n".join(map(json.dumps, TABLE)).encode(),
    "inner.json": json.dumps({"meta": {"count": 2}, "data": TABLE}).encode(),
    "strings.json": json.dumps(TEXTS).encode(),
    "array.jsonl": json.dumps(TABLE, indent=1).encode(),
    "lines.ndjson": "\n".join(map(json.dumps, TABLE)).encode(),
    "tweets.js": ARCHIVE.encode(),
    "marked.csv": b'\xef\xbb\xbfid,text\n7,a fine day\n8,"what; a, day"\n',
    "wide.csv": 'id,text\n7,a fine day\n8,"what; a, day"\n'.encode("utf-16"),
    "wide.txt": "\n".join(TEXTS).encode("utf-16"),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
@pytest.mark.parametrize("name", CONTENTS)
def test_every_kind_of_file_gives_its_texts(tmp_path, monkeypatch, name, packing):
    content = {"": bytes, ".gz": gzip.compress, ".zst": zst}[packing](CONTENTS[name])
    path = tmp_path / f"{name}{packing}"
    path.write_bytes(content)
    assert texts_of(path) == TEXTS
    if name not in ("strings.json", "wide.txt"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert texts_of("-") == TEXTS


def test_a_packed_parquet_file_is_read(tmp_path):
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(TABLE), sink)
    (tmp_path / "t.parquet.gz").write_bytes(gzip.compress(sink.getvalue()))
    assert texts_of(tmp_path / "t.parquet.gz") == TEXTS


def test_members_of_a_packed_file_follow_each_other(tmp_path):
    for suffix, pack in ((".gz", gzip.compress), (".zst", zst)):
        path = tmp_path / f"t.txt{suffix}"
        path.write_bytes(pack(b"one\n") + pack(b"two\n"))
        assert texts_of(path) == ["one", "two"]


def test_a_packed_file_that_was_cut_off_is_refused(tmp_path):
    for suffix, pack in ((".gz", gzip.compress), (".zst", zst)):
        path = tmp_path / f"t.txt{suffix}"
        path.write_bytes(pack(os.urandom(5000).hex().encode())[:-50])
        with pytest.raises(LatentoptError, match="may be damaged or cut off"):
            texts_of(path)


def test_what_looks_like_a_table_is_not_taken_for_lines(tmp_path, monkeypatch):
    for content in (b"id\tbody\n1\ta fine day\n2\train\n", b"id,body\n1,a fine day\n2,rain\n"):
        (tmp_path / "t.txt").write_bytes(content)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        for path in ("-", tmp_path / "t.txt"):
            with pytest.raises(LatentoptError, match=r"looks like a table that begins with 'id', 'body'.*--column"):
                texts_of(path)
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
            assert texts_of(path, "body") == ["a fine day", "rain"]
        assert len(texts_of(tmp_path / "t.txt", format="txt")) == 3


@pytest.mark.parametrize(
    "content",
    [
        '7;"a fine; day"\n8;rain\n',
        "a fine day,7\nrain,8\nsnow,1.2K\n",
        "7,x,a fine day\n8,x,rain\n",
        '"a, b","c"\n"d","e"\n',
    ],
)
def test_a_table_without_a_header_is_not_taken_for_lines(tmp_path, monkeypatch, content):
    (tmp_path / "t.txt").write_text(content)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    for path in ("-", tmp_path / "t.txt"):
        with pytest.raises(LatentoptError, match=r"looks like a table.*--no-header --column NUMBER.*--format txt"):
            texts_of(path)
    assert texts_of(tmp_path / "t.txt", format="txt") == content.splitlines()


@pytest.mark.parametrize("name", ["pretty.json", "lines.json", "array.json", "inner.json", "tweets.js"])
def test_json_in_a_file_of_lines_is_read_as_json_and_said_to_be(tmp_path, name):
    (tmp_path / "t.txt").write_bytes(CONTENTS[name])
    with pytest.warns(UserWarning, match=r"t.txt: read as JSON, .*; --format txt takes its lines for texts"):
        assert texts_of(tmp_path / "t.txt") == TEXTS
    lines = read_texts([], tmp_path / "t.txt", reading=Reading("txt")).frame["text"].tolist()
    assert lines == [line for line in CONTENTS[name].decode().splitlines() if line]


def test_commas_belong_to_the_texts_of_a_table_with_one_column(tmp_path):
    (tmp_path / "t.csv").write_text('text\n"a fine, day"\nwell; rain\n')
    assert texts_of(tmp_path / "t.csv") == ["a fine, day", "well; rain"]
    (tmp_path / "t.csv").write_text('text\na fine, day\n"two\nlines, here"\nrain\n')
    with pytest.warns(UserWarning, match=r"its header names one column, so that commas belong.*; --delimiter , says"):
        assert texts_of(tmp_path / "t.csv") == ["a fine, day", "two\nlines, here", "rain"]
    assert len(read_texts([], tmp_path / "t.csv", reading=Reading(delimiter=","))) == 2
    (tmp_path / "t.csv").write_text("text\nunit\x1fseparator\nrain\n")
    assert texts_of(tmp_path / "t.csv") == ["unit\x1fseparator", "rain"]
    (tmp_path / "t.csv").write_text("tweet\na fine, day\n")
    with warnings.catch_warnings(), pytest.raises(LatentoptError, match="no column 'text'"):
        warnings.simplefilter("error")  # that commas belong to its values is beside the point
        texts_of(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("pack", "message"),
    [(zipped, "a zip archive, or a table"), (bz2.compress, "packed by bzip2; unpack it"), (lzma.compress, "by xz")],
)
def test_what_is_packed_otherwise_is_refused_and_not_taken_for_an_old_encoding(tmp_path, monkeypatch, pack, message):
    content = pack(CONTENTS["semicolon.csv"])
    (tmp_path / "t.csv").write_bytes(content)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    for path in ("-", tmp_path / "t.csv"):
        with pytest.raises(LatentoptError, match=message):
            texts_of(path)


@pytest.mark.parametrize(
    "content",
    [
        "Hello, world\nGood night, moon\n",
        "one text alone, with a comma\n",
        "a; b\nc; d\n",
        "[gone]\n{braces}\n",
        "[ ] buy milk\n[ ] call home\n",
        "3,4\n5,6\n",
    ],
)
def test_texts_with_commas_are_lines(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    assert texts_of("-") == content.splitlines()


def test_a_guess_is_said(tmp_path):
    (tmp_path / "t.txt").write_text("tweet\na fine day\n")
    with pytest.warns(UserWarning, match="the first line, 'tweet', is taken for a text; --column tweet says"):
        assert texts_of(tmp_path / "t.txt") == ["tweet", "a fine day"]
    assert texts_of(tmp_path / "t.txt", "tweet") == ["a fine day"]
    (tmp_path / "t.txt").write_bytes(CONTENTS["tabs.txt"])
    with pytest.warns(UserWarning, match="read as a table.*--format txt"):
        texts_of(tmp_path / "t.txt")
    (tmp_path / "t.json").write_bytes(CONTENTS["inner.json"])
    with pytest.warns(UserWarning, match="the rows are those in 'data'"):
        texts_of(tmp_path / "t.json")
    (tmp_path / "t.txt").write_bytes("a fine day".encode("utf-16-le"))
    with pytest.warns(UserWarning, match="read as utf-16-le; --encoding says another"):
        assert texts_of(tmp_path / "t.txt") == ["a fine day"]


def test_older_encodings_are_suggested_and_read(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"text\nfine\ncaf\xe9\n")
    with pytest.warns(UserWarning, match="row 3 is not UTF-8.*--encoding cp1252"):
        assert len(read_texts([], tmp_path / "t.csv")) == 1
    assert texts_of(tmp_path / "t.csv", encoding="cp1252") == ["fine", "café"]
    (tmp_path / "h.csv").write_bytes(b"id,caf\xe9\n1,fine\n")
    with pytest.raises(LatentoptError, match=r"no column 'café'.*--encoding cp1252 \(or latin-1\) reads it"):
        texts_of(tmp_path / "h.csv", "café")
    (row,) = read_rows(sources_of(tmp_path / "h.csv"), columns=["id"])
    assert of_another_encoding(row)
    with pytest.raises(LatentoptError, match="say the file's encoding with --encoding"):
        texts_of(tmp_path / "t.csv", encoding="ascii")


def test_a_delimiter_that_is_not_there_is_the_advice(tmp_path):
    (tmp_path / "t.csv").write_text("id,text\n1,rain\n")
    with pytest.raises(LatentoptError, match="the file has 'id,text'; --delimiter says what stands between its fields"):
        texts_of(tmp_path / "t.csv", delimiter=";")
    (tmp_path / "t.csv").write_text("id:text\n1:rain\n")
    with pytest.raises(LatentoptError, match="the file has 'id:text'; --delimiter says"):
        texts_of(tmp_path / "t.csv")


def test_tables_without_a_header(tmp_path):
    (tmp_path / "t.tsv").write_text("7\ta fine day\n8\train\n")
    assert texts_of(tmp_path / "t.tsv", "2", header=False) == ["a fine day", "rain"]
    with pytest.raises(LatentoptError, match="there is no column 'text'; the file has '1', '2'"):
        texts_of(tmp_path / "t.tsv", header=False)
    (tmp_path / "t.csv").write_text("a fine day\nrain\n")
    assert texts_of(tmp_path / "t.csv", header=False) == ["a fine day", "rain"]


def test_a_delimiter_is_what_was_said(tmp_path):
    (tmp_path / "t.csv").write_text("id:text\n7:a, fine; day\n")
    assert texts_of(tmp_path / "t.csv", delimiter=":") == ["a, fine; day"]


def test_quotes_in_files_with_tabs_may_belong_to_the_texts(tmp_path):
    (tmp_path / "t.tsv").write_text('id\ttext\n1\t"well" she said\n2\t"no\n3\tend\n')
    assert texts_of(tmp_path / "t.tsv") == ['"well" she said', '"no', "end"]
    (tmp_path / "t.tsv").write_text('id\ttext\n1\t"two\nlines"\n2\tend\n')
    assert texts_of(tmp_path / "t.tsv") == ["two\nlines", "end"]


def test_fields_of_objects_are_named_by_a_path(tmp_path):
    rows = [{"tweet": {"full": {"text": text}, "tags": ["x", "y"]}} for text in TEXTS]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")
    for name in ("t.jsonl", "t.parquet"):
        assert texts_of(tmp_path / name, "tweet.full.text") == TEXTS
        assert texts_of(tmp_path / name, "tweet.tags.1") == ["y", "y"]
        with pytest.raises(LatentoptError, match=r"there is no column '\w+.title'; the file has 'tweet'"):
            texts_of(tmp_path / name, "tweets.title")


def test_shards_are_read_one_after_the_other(tmp_path):
    folder = tmp_path / "shards"
    (folder / "more").mkdir(parents=True)
    (folder / "a.txt").write_text("one\ntwo\n")
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(b'{"text": "three"}\n{"text": ""}\n'))
    (folder / "more" / "c.csv").write_text("text\nfour\n")
    (folder / "_SUCCESS").write_text("")
    (folder / "README.md").write_text("text")
    table = read_texts([], folder)
    assert table.frame["text"].tolist() == ["one", "two", "three", "four"]
    assert [(error.row, error.message) for error in table.errors] == [(2, f"text is empty ({folder}/b.jsonl.gz)")]
    assert texts_of(folder / "*.txt") == ["one", "two"]
    assert texts_of(f"{folder}/**/*.csv") == ["four"]
    with pytest.raises(LatentoptError, match="no file matches"):
        texts_of(folder / "*.parquet")
    (tmp_path / "empty").mkdir()
    with pytest.raises(LatentoptError, match="the folder holds no file"):
        texts_of(tmp_path / "empty")


def test_files_elsewhere_are_read_through_arrow(tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    (folder / "a.txt").write_text("one\ntwo\n")
    (folder / "b.csv.gz").write_bytes(gzip.compress(b"text\nthree\n"))
    (folder / "note.md").write_text("no data")
    pq.write_table(pa.Table.from_pylist(TABLE), folder / "c.parquet")
    uri = f"file://{folder}"
    assert texts_of(uri) == ["one", "two", "three", *TEXTS]
    assert texts_of(f"{uri}/*.parquet") == TEXTS
    assert texts_of(tmp_path.__class__(f"{uri}/b.csv.gz")) == ["three"]  # a Path has one stroke less
    for missing in (f"{uri}/d.csv", f"{uri}/*.tsv"):
        with pytest.raises(LatentoptError, match="there is no such file"):
            texts_of(missing)
    with pytest.raises(LatentoptError, match="no file there ends in"):
        texts_of(f"{uri}/note.md")


def test_a_pipe_is_read_once_and_looked_at_twice(tmp_path):
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(CONTENTS["semicolon.csv"],))
    writer.start()
    assert texts_of(pipe) == TEXTS
    writer.join()


@pytest.mark.parametrize(
    ("content", "good", "message"),
    [
        ('[{"text": "a"}, {"text": "b"', 1, "not JSON, from here to the end"),
        ('[{"text": "a"}, {"text": "b"}', 2, "the JSON array has no end; the file may have been cut off"),
        ('[{"text": "a"}, {"text": "b"}] oh', 2, "something follows the end of the JSON array"),
        ('[{"text": "a"}, 3]', 1, "a JSON int, not an object with named columns"),
        ('{"text": "a"}\n{"text" "b"}\n{"text": "c"}\n', 2, "not JSON: Expecting ':' delimiter"),
    ],
)
def test_damaged_json_costs_what_is_damaged(tmp_path, content, good, message):
    (tmp_path / "t.json").write_text(content)
    table = read_texts([], tmp_path / "t.json")
    assert len(table) == good
    assert table.errors[0].message.startswith(message)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_json_is_parsed_across_blocks(tmp_path, monkeypatch, size):
    monkeypatch.setattr("latentopt.tables.parsing.BLOCK", size)
    for name in ("array.json", "pretty.json", "following.json", "tweets.js"):
        if name == "tweets.js" and size < 64:
            continue  # the words before the array fit into a block of any size that is used
        (tmp_path / name).write_bytes(CONTENTS[name])
        assert texts_of(tmp_path / name) == TEXTS


def test_all_columns_of_a_row_are_at_hand(tmp_path):
    (tmp_path / "t.csv").write_text("id,text,id\n7,a,8\n9,,10\nx\n")
    rows = list(read_rows(sources_of(tmp_path / "t.csv"), columns=["text"]))
    assert [(row.number, row.values, row.error) for row in rows] == [
        (2, {"id": "7", "text": "a", "id.2": "8"}, None),
        (3, {"id": "9", "text": "", "id.2": "10"}, None),
        (4, {}, "1 fields, and the header has 3"),
    ]


def test_a_digest_is_that_of_the_content(tmp_path):
    for name, content in (("a.csv", "text\na\n"), ("b.csv", "text\na\n"), ("c.csv", "text\nb\n")):
        (tmp_path / name).write_text(content)
    a, b, c = (digest_of(sources_of(tmp_path / f"{name}.csv")) for name in "abc")
    assert a == b != c


def test_a_format_that_is_said_needs_no_suffix(tmp_path):
    (tmp_path / "dump").write_bytes(CONTENTS["array.json"])
    assert texts_of(tmp_path / "dump", format="json") == TEXTS
    assert read_table(tmp_path / "dump", columns=["id"], reading=Reading("json")).frame["id"].tolist() == [7, 8]

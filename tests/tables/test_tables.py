import io
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentopt.errors import LatentoptError
from latentopt.tables import numeric_column, read_table, read_texts, write_table


def csv(tmp_path, content: bytes, columns=("text", "likes")):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    return read_table(path, columns=columns)


def rows_of(table):
    return {row: list(values) for row, *values in table.frame.itertuples()}


def errors_of(table):
    return {error.row: error.message for error in table.errors}


def test_csv_gives_exactly_the_columns_asked_for_and_their_lines(tmp_path):
    table = csv(tmp_path, b'likes,account,text\n3,7,a fine day\n4,7,"two\nlines"\n5,8,end\n', ["text", "likes"])
    assert list(table.frame.columns) == ["text", "likes"]
    assert rows_of(table) == {2: ["a fine day", "3"], 3: ["two\nlines", "4"], 5: ["end", "5"]}
    assert table.errors == []


def test_csv_of_a_spreadsheet_with_byte_order_mark_and_carriage_returns(tmp_path):
    table = csv(tmp_path, b"\xef\xbb\xbftext,likes\r\nsun,1\r\n\r\nrain,2\r\n")
    assert rows_of(table) == {2: ["sun", "1"], 4: ["rain", "2"]}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (b"too,many,fields", "3 fields, and the header has 2"),
        (b"one", "1 fields, and the header has 2"),
        (b"nul \x00 byte,1", "text holds a NUL byte"),
        (b"latin \xe9,1", "text is not valid UTF-8"),
        (b"  ,1", "text is empty"),
        (b",", "text is empty; likes is empty"),
        (b'"open,1', "broken csv: ',' expected after '\"'"),
        (b'"a"b,1', "broken csv: ',' expected after '\"'"),
    ],
)
def test_one_bad_row_of_csv_costs_one_row(tmp_path, bad, message):
    table = csv(tmp_path, b"text,likes\nbefore,1\n" + bad + b'\n"after",2\nlast,3\n')
    assert rows_of(table) == {2: ["before", "1"], 4: ["after", "2"], 5: ["last", "3"]}
    assert errors_of(table) == {3: message}


def test_a_quote_that_is_never_closed_costs_one_row(tmp_path):
    table = csv(tmp_path, b'text,likes\n"open,1\n' + b"fine,2\n" * 30_000)
    assert len(table) == 30_000
    assert list(errors_of(table)) == [2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty; a csv file begins with a line of column names"),
        (
            b"body,likes\na,1\n",
            "there is no column 'text'; the file has 'body', 'likes'; --column names the one with the texts",
        ),
        (
            b"a fine day,7\nrain,8\n",
            "there is no column 'text'; the file has 'a fine day', '7'; if that is no header, --no-header numbers the "
            "columns: --column 1",
        ),
        (
            b"sep=;\ntext;likes\na;1\n",
            "there is no column 'text'; the file has 'sep=', ''; its first line is a note to Excel: take it out",
        ),
        (b"text,likes,text\na,1,b\n", "the column 'text' is there 2 times; rename all but one"),
        (b'"text,likes\n', "the header, line 1, is broken csv: unexpected end of data"),
    ],
)
def test_a_useless_csv_says_why(tmp_path, content, message):
    with pytest.raises(LatentoptError) as caught:
        csv(tmp_path, content)
    assert str(caught.value) == f"{tmp_path / 'table.csv'}: {message}"


def test_jsonl_keeps_types_and_the_good_rows(tmp_path):
    path = tmp_path / "table.jsonl"
    path.write_bytes(
        b'{"text": "sun", "likes": 1}\n\n[1]\n{"text": "rain"}\n{"text": "half \\ud83d", "likes": 2}\nnonsense\n'
        b'{"text": "nul \\u0000", "likes": 2}\n{"text": "bad \xff", "likes": 2}\n{"text": null, "likes": NaN}\n'
        b'{"likes": 5, "text": "wind"}'
    )
    table = read_table(path, columns=["text", "likes"])
    assert rows_of(table) == {1: ["sun", 1], 10: ["wind", 5]}
    assert errors_of(table) == {
        3: "a JSON list, not an object with named columns",
        4: "likes has no value",
        5: "text is not valid UTF-8",
        6: "not JSON: Expecting value: line 1 column 1 (char 0)",
        7: "text holds a NUL byte",
        8: "text is not valid UTF-8",
        9: "text has no value; likes has no value",
    }
    with pytest.raises(LatentoptError, match="there is no column 'title'; the file has 'text', 'likes'"):
        read_table(path, columns=["title"])


def test_parquet_gives_rows_from_one_and_reads_around_bad_strings(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    raw = pa.array([b"sun", b"bad \xff", None, b"rain"])
    text = pa.StringArray.from_buffers(4, raw.buffers()[1], raw.buffers()[2], raw.buffers()[0])
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"text": text, "likes": [1, 2, 3, 4]}), path)
    table = read_table(path, columns=["likes", "text"])
    assert rows_of(table) == {1: [1, "sun"], 4: [4, "rain"]}
    assert errors_of(table) == {2: "text is not valid UTF-8", 3: "text has no value"}


def test_a_file_that_only_claims_to_be_parquet(tmp_path):
    path = tmp_path / "table.parquet"
    path.write_text("text\nsun\n")
    with pytest.raises(LatentoptError, match="not a Parquet file that can be read"):
        read_table(path, columns=["text"])


def test_txt_is_one_text_a_line_and_keeps_what_is_no_line_break(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_bytes("first\r\nsecond\u2028half\n\nfourth\n\n\n".encode())
    table = read_table(path, columns=["text"])
    assert rows_of(table) == {1: ["first"], 2: ["second\u2028half"], 4: ["fourth"]}
    assert errors_of(table) == {3: "text is empty"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.csv", "No such file or directory; give a file that can be read"),
        (
            "table.xlsx",
            "the name must end in .csv, .tsv, .json, .jsonl, .ndjson, .parquet, .txt or .js, perhaps with .gz or .zst; "
            "or say what it is with --format",
        ),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, name, message):
    with pytest.raises(LatentoptError) as caught:
        read_table(tmp_path / name, columns=["text"])
    assert str(caught.value) == f"{tmp_path / name}: {message}"


@pytest.mark.parametrize(
    ("content", "columns", "first"),
    [
        (b"a plain line\nanother\n", ["text"], {1: ["a plain line"], 2: ["another"]}),
        (b"text\nsun\n", ["text"], {2: ["sun"]}),
        (b'"text"\nsun\n', ["text"], {2: ["sun"]}),
        (b"likes,text\n3,sun\n", ["text"], {2: ["sun"]}),
        (b'{"text": "sun"}\n', ["text"], {1: ["sun"]}),
        (b"{braces} are fine\n", ["text"], {1: ["{braces} are fine"]}),
        (b'{"z": [1.0]}\n', ["z"], {1: [[1.0]]}),
        (b"source,target\na,b\n", ["source", "target"], {2: ["a", "b"]}),
    ],
)
def test_standard_input_is_read_for_what_it_is(monkeypatch, content, columns, first):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert rows_of(read_table("-", columns=columns)) == first


def test_texts_come_from_arguments_or_a_column(tmp_path):
    table = read_texts(["sun", " ", "byte \udcff"], None)
    assert rows_of(table) == {1: ["sun"]}
    assert errors_of(table) == {2: "text is empty", 3: "text is not valid UTF-8"}
    path = tmp_path / "titles.jsonl"
    path.write_text('{"title": "sun"}\n{"title": 5}\n')
    table = read_texts([], path, "title")
    assert rows_of(table) == {1: ["sun"]}
    assert errors_of(table) == {2: "title is 5, not a text"}


def test_a_numeric_column_has_finite_numbers(tmp_path):
    table = csv(tmp_path, b"text,likes\na,1\nb,many\nc,inf\nd,1_000\ne,2.5e3\nf,nan\n")
    table = numeric_column(table, "likes")
    assert table.frame["likes"].to_dict() == {2: 1.0, 6: 2500.0}
    assert table.frame["likes"].dtype == "float64"
    assert errors_of(table)[3] == "likes is 'many', not a finite number"
    assert list(errors_of(table)) == [3, 4, 5, 7]


TEXTS = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1), min_size=1)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@given(texts=TEXTS)
def test_what_is_written_is_read_again(tmp_path_factory, suffix, texts):
    path = tmp_path_factory.mktemp("tables") / f"table.{suffix}"
    write_table(pd.DataFrame({"text": texts, "row": range(len(texts))}), path)
    table = read_table(path, columns=["text"])
    assert table.frame["text"].tolist() == [text for text in texts if text.strip()]
    assert all(error.message == "text is empty" for error in table.errors)


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_latents_are_written_and_read_exactly(tmp_path, suffix):
    z = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    write_table(pd.DataFrame({"z": list(z)}), tmp_path / f"z.{suffix}")
    table = read_table(tmp_path / f"z.{suffix}", columns=["z"])
    np.testing.assert_array_equal(np.array(table.frame["z"].tolist(), np.float32), z)


def test_formats_that_cannot_hold_latents_or_columns_refuse(tmp_path):
    latents = pd.DataFrame({"z": [np.zeros(2, np.float32)]})
    with pytest.raises(LatentoptError, match=r"csv cannot hold the latents in 'z'; write \.parquet or \.jsonl"):
        write_table(latents, tmp_path / "z.csv")
    with pytest.raises(LatentoptError, match="txt holds one column, not a, b"):
        write_table(pd.DataFrame({"a": ["x"], "b": ["y"]}), tmp_path / "t.txt")
    with pytest.warns(UserWarning, match="line breaks inside 1 texts were written as spaces"):
        write_table(pd.DataFrame({"text": ["one\ntwo", "three"]}), tmp_path / "t.txt")
    assert (tmp_path / "t.txt").read_bytes() == b"one two\nthree\n"
    assert [path.name for path in tmp_path.iterdir()] == ["t.txt"]

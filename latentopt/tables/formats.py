"""What a file of rows is: format, encoding and delimiter, as they are said, named by its suffix, or found by looking.

A guess that could be wrong is a warning with the option that decides; what looks like a table is not taken for lines.
"""

from __future__ import annotations

import csv
import json
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from latentopt.errors import LatentoptError
from latentopt.tables.numbers import number
from latentopt.tables.sources import Source

Format = Literal["csv", "json", "jsonl", "parquet", "txt"]
FORMATS: dict[str, Format] = {
    "csv": "csv",
    "tsv": "csv",
    "json": "json",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "parquet": "parquet",
    "txt": "txt",
    "js": "json",
}
DELIMITERS = (",", "\t", ";", "|")
NOTHING = "\ud800"  # delimiter of a table that has one column: half a surrogate pair, which no decoded text has
SAMPLE = 1 << 16  # bytes
HEADERS = {
    "body",
    "comment",
    "content",
    "headline",
    "message",
    "post",
    "sentence",
    "texts",
    "title",
    "tweet",
}  # perhaps
NAME = re.compile(r"[^\W\d](?:[\w.#/()-]| (?! )){0,39}(?<! )")  # a column's: short, and no number
FOREIGN = {  # how files begin that hold rows in a way that is not read, and what to do
    b"PK\x03\x04": "a zip archive, or a table of a spreadsheet; unpack it, or save it as csv",
    b"\xd0\xcf\x11\xe0": "a table of an old spreadsheet; save it as csv",
    b"BZh91AY&SY": "packed by bzip2; unpack it",
    b"\xfd7zXZ\x00": "packed by xz; unpack it",
}
JSON_BEGINS = re.compile(r'[\[{]\s*(["\[{]|[\]}]?\s*$)')  # {braces}, [notes] and [ ] lists begin otherwise


@dataclass(frozen=True)
class Reading:
    """How files are read, where looking at them shall not decide.

    format: a name of FORMATS. delimiter: one character. encoding: as Python names it. None: it is found by looking.
    header: whether a csv file begins with the names of its columns; without, they are called 1, 2, 3.
    """

    format: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    header: bool = True


@dataclass(frozen=True)
class Dialect:
    """What a source is. delimiter and quoted (whether quotes enclose fields) are a csv file's."""

    format: Format
    encoding: str
    delimiter: str = ","
    quoted: bool = True
    header: bool = True


def dialect_of(source: Source, reading: Reading, columns: Sequence[str]) -> Dialect:
    """Return what a source is.

    Args:
        source: what to look at. reading: what is said of it.
        columns: those asked for; they settle doubts.

    Raises:
        LatentoptError: for what looks like a table, and has no such columns, where only lines would be left.
    """
    with source.open() as stream:
        sample = stream.read(SAMPLE + 1)
    for begins, what in FOREIGN.items():
        if sample.startswith(begins) and not sample[:SAMPLE].isascii():
            raise LatentoptError(f"{source.name} is {what}")
    said = reading.format or source.suffix.removeprefix(".") or None
    if said is None and sample.startswith(b"PAR1"):
        said = "parquet"
    if said is not None and FORMATS[said] == "parquet":
        return Dialect("parquet", "utf-8")
    encoding = reading.encoding or encoding_of(sample, source.name)
    lines = _lines(sample, encoding)
    kind = _format(source, said, reading, lines, columns)
    if kind != "csv":
        return Dialect(kind, encoding)
    delimiter = reading.delimiter or ("\t" if said == "tsv" else _delimiter(lines, columns, reading, source))
    return Dialect("csv", encoding, delimiter, _quoted(lines, delimiter), reading.header)


def encoding_of(sample: bytes, name: str) -> str:
    """Return the encoding of text by its first bytes: UTF-8 if nothing says otherwise."""
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if sample.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(sample) >= 8 and sample[first::2].count(0) > 0.4 * len(sample[first::2]):
            warnings.warn(f"{name}: read as {encoding}; --encoding says another", stacklevel=2)
            return encoding
    return "utf-8"


def _lines(sample: bytes, encoding: str) -> list[str]:
    """The lines of a sample that are no blank ones; one that is cut off is left out."""
    text = sample[:SAMPLE].decode(encoding, errors="replace").removeprefix("\ufeff")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if len(sample) > SAMPLE and len(lines) > 1:
        lines.pop()
    return [line for line in lines if line.strip()]


def _format(source: Source, said: str | None, reading: Reading, lines: Sequence[str], columns: Sequence[str]) -> Format:
    if reading.format in ("csv", "tsv", "txt"):
        return FORMATS[reading.format]
    if said in ("json", "js", "jsonl", "ndjson"):
        return _kind_of_json(lines, said)
    if reading.delimiter is not None or not reading.header or said in ("csv", "tsv"):
        return "csv"
    first = lines[0].strip() if lines else ""
    if said in (None, "txt") and (first.startswith("window.YTD") or JSON_BEGINS.match(first)):
        if said is not None:
            warnings.warn(
                f"{source.name}: read as JSON, as which it begins; --format txt takes its lines for texts", stacklevel=2
            )
        return _kind_of_json(lines, "json")
    return _table_or_lines(source, said, lines, columns)


def _kind_of_json(lines: Sequence[str], said: str) -> Format:
    first = lines[0].strip() if lines else ""
    if said in ("jsonl", "ndjson"):
        return "json" if first.startswith("[") or first == "{" else "jsonl"
    if len(lines) < 2 or not first.startswith("{"):
        return "json"
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return "json" if first == "{" or not first.endswith("}") else "jsonl"
    return "jsonl"


def _table_or_lines(source: Source, said: str | None, lines: Sequence[str], columns: Sequence[str]) -> Format:
    """Of csv and txt, what a source is that could be both."""
    plain = list(columns) == ["text"]
    delimiter = looks_like(lines, columns) or _without_header(lines)
    header = _fields(lines[0], delimiter) if lines and delimiter else []
    if not plain:
        named = any(set(columns) <= set(_fields(lines[0], sign)) for sign in DELIMITERS) if lines else False
        return "csv" if said is None or named else "txt"
    if said is None and lines and any("text" in _fields(lines[0], sign) for sign in DELIMITERS):
        return "csv"
    if delimiter is None:
        if len(lines) > 1 and lines[0].strip().lower() in HEADERS:
            name = lines[0].strip()
            warnings.warn(
                f"{source.name}: the first line, {name!r}, is taken for a text; --column {name} says it is a header",
                stacklevel=2,
            )
        return "txt"
    if "text" in header:
        warnings.warn(
            f"{source.name}: read as a table, whose header it begins with; --format txt takes its lines for texts",
            stacklevel=2,
        )
        return "csv"
    shown = ", ".join(repr(name if len(name) < 40 else f"{name[:36]}...") for name in header[:8])
    raise LatentoptError(
        f"{source.name} looks like a table that begins with {shown}, and none of these is 'text'; --column NAME says "
        "which column has the texts, --no-header --column NUMBER which one of a table without names, and --format txt "
        "that each line is a text"
    )


def looks_like(lines: Sequence[str], columns: Sequence[str] = ()) -> str | None:
    """Return the delimiter of lines that look like a table: the same number of fields, below a header; else None."""
    if len(lines) < 2:
        return None
    found = []
    for sign in DELIMITERS:
        counts = _counts(lines, sign)
        header = _fields(lines[0], sign)
        named = sign == "\t" or (all(map(NAME.fullmatch, header)) and len(set(header)) == len(header))
        if len(header) > 1 and (set(columns) <= set(header) or named) and set(counts) == {len(header)}:
            found.append((len(header), sign))
    return max(found)[1] if found else None


def _without_header(lines: Sequence[str]) -> str | None:
    """Return the delimiter of rows without a header: of one length, with numbers and words, or all in quotes.

    None where lines do not look so.
    """
    for sign in DELIMITERS:
        rows = _rows(lines, sign)
        if len(rows) > 1 and len(set(map(len, rows))) == 1:
            columns = list(zip(*rows, strict=True))
            numbers = [all(number(field) is not None for field in column) for column in columns]
            words = [all(any(map(str.isalpha, field)) for field in column) for column in columns]
            quoted = all(line.startswith('"') and f'"{sign}"' in line for line in lines)
            if len(columns) > 1 and (quoted or (any(numbers) and any(words))):
                return sign
    return None


def _delimiter(lines: Sequence[str], columns: Sequence[str], reading: Reading, source: Source) -> str:
    """The delimiter of a csv file: that by which its header has the columns, or by which all rows are of one length."""
    if not lines:
        return ","
    if reading.header:
        if all(len(_fields(lines[0], sign)) == 1 for sign in DELIMITERS):
            if set(columns) <= set(_fields(lines[0], ",")) and any(count > 1 for count in _counts(lines, ",")):
                warnings.warn(
                    f"{source.name}: its header names one column, so that commas belong to the values; --delimiter , "
                    "says that they set fields apart",
                    stacklevel=2,
                )
            return NOTHING
        for sign in DELIMITERS:
            if set(columns) <= set(_fields(lines[0], sign)):
                return sign
    regular = [(len(_fields(lines[0], sign)), sign) for sign in DELIMITERS if len(set(_counts(lines, sign))) == 1]
    most, sign = max(regular, default=(1, ","), key=lambda pair: pair[0])
    if most == 1:
        return ","
    if sign != "," and not reading.header:
        warnings.warn(f"{source.name}: fields are set apart by {sign!r}; --delimiter says another", stacklevel=2)
    return sign


def _quoted(lines: Sequence[str], delimiter: str) -> bool:
    """Whether quotes enclose fields. In files with tabs they often belong to the texts."""
    if delimiter != "\t" or not any('"' in line for line in lines):
        return True
    width = len(lines[0].split("\t"))
    try:
        proper = all(len(row) == width for row in csv.reader(lines, delimiter="\t", strict=True) if row)
    except csv.Error:
        proper = False
    return proper or any(len(line.split("\t")) != width for line in lines)


def _counts(lines: Sequence[str], delimiter: str) -> list[int]:
    """Numbers of fields of the rows in a sample; of several lengths where it is no csv."""
    return [len(row) for row in _rows(lines, delimiter)] or [0, 1]


def _rows(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """The rows of a sample but the last one, which may be cut off, of more than two; none where it is no csv."""
    try:
        rows = list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return []
    return rows[:-1] if len(rows) > 2 else rows


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []

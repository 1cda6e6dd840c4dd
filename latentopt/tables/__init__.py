"""Files and standard input -> rows with named columns, and back; errors of single rows; atomic writes."""

from latentopt.tables.atomic import atomic_directory, atomic_update, atomic_write
from latentopt.tables.formats import FORMATS, Reading
from latentopt.tables.numbers import is_missing, number
from latentopt.tables.parsing import Row, RowError, pick
from latentopt.tables.reading import (
    Table,
    faults_of,
    is_number,
    numeric_column,
    of_another_encoding,
    read_rows,
    read_table,
    read_texts,
    rows_of_arguments,
    warn_of_encoding,
)
from latentopt.tables.sources import digest_of, sources_of
from latentopt.tables.writing import json_line, jsonable, suffix, write_table

__all__ = [
    "FORMATS",
    "Reading",
    "Row",
    "RowError",
    "Table",
    "atomic_directory",
    "atomic_update",
    "atomic_write",
    "digest_of",
    "faults_of",
    "is_missing",
    "is_number",
    "json_line",
    "jsonable",
    "number",
    "numeric_column",
    "of_another_encoding",
    "pick",
    "read_rows",
    "read_table",
    "read_texts",
    "rows_of_arguments",
    "sources_of",
    "suffix",
    "warn_of_encoding",
    "write_table",
]

"""Files and standard input -> rows with named columns, and back; errors of single rows; atomic writes."""

from latentopt.tables.atomic import atomic_directory, atomic_update, atomic_write
from latentopt.tables.numbers import number
from latentopt.tables.parsing import RowError, suffix
from latentopt.tables.reading import Table, is_number, numeric_column, read_table, read_texts
from latentopt.tables.writing import json_line, jsonable, write_table

__all__ = [
    "RowError",
    "Table",
    "atomic_directory",
    "atomic_update",
    "atomic_write",
    "is_number",
    "json_line",
    "jsonable",
    "number",
    "numeric_column",
    "read_table",
    "read_texts",
    "suffix",
    "write_table",
]

"""Numbers as people write them, 1.2K, 3M, 6,529, 12%, and values that are not there."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
SPACE = re.compile("(?<=[0-9])[ \u00a0\u202f](?=[0-9]{3}(?![0-9]))")
SUFFIXES = {"k": 3, "m": 6, "b": 9, "%": -2}  # powers of ten


def number(value: Any, *, decimal_comma: bool = False) -> float | None:
    """The finite number that a value is or says; None if it is none. A bool is none.

    A string may have thousands set apart by commas or spaces (6,529), a suffix (1.2K, 3M, 2B) or a percent sign
    (12% is 0.12). What is half written is no number: 6,52 could be 652 or 6.52.

    Args:
        value: of any kind.
        decimal_comma: a comma is the decimal sign and points set thousands apart: 6.967 is 6967, and 1,2K is 1200.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        return _read(value, decimal_comma=decimal_comma)
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def is_missing(value: Any) -> bool:
    """Whether a value is not there: None, NaN, or nothing but space."""
    return value is None or value != value or not str(value).strip()


def _read(text: str, *, decimal_comma: bool) -> float | None:
    text = text.strip()
    exponent = 0
    if text and text[-1].lower() in SUFFIXES:
        text, exponent = text[:-1].rstrip(), SUFFIXES[text[-1].lower()]
    if decimal_comma:
        text = text.translate(str.maketrans(",.", ".,"))
    text = SPACE.sub(",", text)
    if GROUPED.fullmatch(text):
        text = text.replace(",", "")
    if not PLAIN.fullmatch(text):
        return None
    found = float(Decimal(text).scaleb(exponent))  # 1.005K is 1005 and not 1004.9999999999999
    return found if math.isfinite(found) else None

"""Heads, the fitted properties of a space, and their readers: fit one, tune one, find one."""

from latentopt.heads.find import bundled_head, bundled_heads, load_head, load_reader, load_stacked
from latentopt.heads.fit import Fitted, fit_head
from latentopt.heads.predict import Prediction, Predictions, predict_texts
from latentopt.heads.reader import Reader, fit_reader
from latentopt.heads.rows import Rows, rows_of
from latentopt.heads.stacked import Stacked
from latentopt.heads.storage import read_head, save_head
from latentopt.heads.tune import tune_head

__all__ = [
    "Fitted",
    "Prediction",
    "Predictions",
    "Reader",
    "Rows",
    "Stacked",
    "bundled_head",
    "bundled_heads",
    "fit_head",
    "fit_reader",
    "load_head",
    "load_reader",
    "load_stacked",
    "predict_texts",
    "read_head",
    "rows_of",
    "save_head",
    "tune_head",
]

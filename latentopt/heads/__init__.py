"""Heads, the fitted properties of a space, and their readers: fit one, tune one, find one."""

from latentopt.heads.finding import bundled_heads, load_fitted, load_head
from latentopt.heads.fit import fit_head
from latentopt.heads.opinion import Opinion
from latentopt.heads.predict import Group, Prediction, Predictions, predict_texts
from latentopt.heads.property import Fitted
from latentopt.heads.reader import Reader, fit_reader
from latentopt.heads.rows import Rows, rows_of
from latentopt.heads.stacked import Stacked
from latentopt.heads.storage import read_head, save_head
from latentopt.heads.tune import tune_head

__all__ = [
    "Fitted",
    "Group",
    "Opinion",
    "Prediction",
    "Predictions",
    "Reader",
    "Rows",
    "Stacked",
    "bundled_heads",
    "fit_head",
    "fit_reader",
    "load_fitted",
    "load_head",
    "predict_texts",
    "read_head",
    "rows_of",
    "save_head",
    "tune_head",
]

"""Heads, the fitted properties of a space: fit one, tune one, find one."""

from latentopt.heads.find import bundled_head, bundled_heads, load_head
from latentopt.heads.fit import Fitted, fit_head
from latentopt.heads.rows import Rows, rows_of
from latentopt.heads.tune import tune_head

__all__ = ["Fitted", "Rows", "bundled_head", "bundled_heads", "fit_head", "load_head", "rows_of", "tune_head"]

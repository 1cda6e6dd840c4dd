"""Many rows: streamed in chunks, kept as they are made, gone on with after a kill, split into shards, spread by Ray."""

from latentopt.batch.on_ray import InBatches, OnRay
from latentopt.batch.run import Input, Report, in_this_process, kept_rows, part_of, run
from latentopt.batch.work import Decode, Edits, Encode, Predict, PredictKept, Work

__all__ = [
    "Decode",
    "Edits",
    "Encode",
    "InBatches",
    "Input",
    "OnRay",
    "Predict",
    "PredictKept",
    "Report",
    "Work",
    "in_this_process",
    "kept_rows",
    "part_of",
    "run",
]

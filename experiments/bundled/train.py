"""Train the bundled T5-VAE. Stop it and start it again at will: it goes on from the last complete checkpoint.

With --steps changed between two starts the learning rate's decay moves along, so a run can be lengthened or ended.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import shutil
import time
from pathlib import Path
from typing import Any

import torch
from corpus import Corpus, read_corpus
from transformers import TrainingArguments, set_seed
from whitening import whitened

from latentopt.model import T5VAE, T5VAEConfig, small_t5
from latentopt.model.tokenizer import load_tokenizer, train_tokenizer
from latentopt.space import LatentSpace
from latentopt.training.muon import MuonAdamW
from latentopt.training.trainer import train, trains_in_bf16

RECIPE: dict[str, Any] = {
    "vocab_size": 8192,
    "t5": {"d_model": 256, "layers": 2, "decoder_layers": 3, "heads": 4, "d_ff": 640, "positions": 64},
    "vae": {
        "latent_dim": 320,
        "positions": 64,
        "slot_dim": 32,
        "latent_noise": 0.97,
        "regularizer_weight": 100.0,
        "moments_weight": 0.003,
    },
    "batch_size": 128,
    "learning_rate": 3e-3,
    "warmup_steps": 100,
    "decay_steps": 1000,
    "titles": 200_000,
    "tweet_copies": 2,
}
# Once random latents decode to words: fewer dimensions, which are closer to the prior, and tweets alone.
LAST_STAGE: dict[str, Any] = {
    "vae": RECIPE["vae"] | {"latent_dim": 224, "latent_noise": 0.985, "moments_weight": 0.01},
    "learning_rate": 2e-3,
    "warmup_steps": 50,
    "titles": 0,
    "tweet_copies": 4,
}
MEASURED_ON = 20_000  # tweets, for the principal axes


def corpus_of(data: Path, seed: int, recipe: dict[str, Any] = RECIPE) -> Corpus:
    """The texts that a recipe asks for."""
    return read_corpus(data, seed=seed, titles=recipe["titles"], tweet_copies=recipe["tweet_copies"])


def train_bundled(
    data: Path,
    work: Path,
    *,
    steps: int,
    seed: int,
    start: Path | None = None,
    last_stage: bool = False,
    eval_steps: int = 250,
) -> dict[str, Any]:
    """Train for a number of steps, write the last checkpoint's model to `work`/best, and return the run's record.

    `start` holds a model of the same shape and its tokenizer, whose weights the run begins with. With `last_stage`, the
    leading principal axes of its latents are the dimensions of the new ones.

    A run of the same recipe that has ended is not repeated.
    """
    started = time.time()
    recipe = (RECIPE | LAST_STAGE if last_stage else RECIPE) | {
        "steps": steps,
        "seed": seed,
        "start": LatentSpace.from_pretrained(start).fingerprint if start else None,
    }
    file = work / "training.json"
    if file.exists() and (record := json.loads(file.read_text()))["recipe"] == recipe:
        return dict(record)
    corpus = corpus_of(data, seed, recipe)
    logging.info("corpus %s", corpus.description)
    set_seed(seed)
    if start or (work / "tokenizer.json").exists():
        tokenizer = load_tokenizer(start or work)
    else:
        tokenizer = train_tokenizer(corpus.train, vocab_size=recipe["vocab_size"])
        tokenizer.save_pretrained(work)
    model = T5VAE(T5VAEConfig(small_t5(len(tokenizer), **recipe["t5"]), **recipe["vae"]))
    if start:
        begun = LatentSpace.from_pretrained(start, device="cpu")
        if last_stage and begun.latent_dim != model.config.latent_dim:
            begun = whitened(begun, corpus.train[:MEASURED_ON], power=0, dimensions=model.config.latent_dim)
        model.load_state_dict(begun.model.state_dict())
    logging.info("%.1f M parameters", sum(p.numel() for p in model.parameters()) / 1e6)
    arguments = TrainingArguments(
        output_dir=str(work),
        max_steps=steps,
        per_device_train_batch_size=recipe["batch_size"],
        learning_rate=recipe["learning_rate"],
        warmup_steps=recipe["warmup_steps"],
        lr_scheduler_type="warmup_stable_decay",
        lr_scheduler_kwargs={"num_decay_steps": recipe["decay_steps"], "decay_type": "1-sqrt"},
        bf16=trains_in_bf16(),
        use_cpu=not torch.cuda.is_available(),
        eval_strategy="steps",
        eval_steps=eval_steps,
        save_strategy="steps",
        save_steps=eval_steps,
        save_total_limit=2,
        logging_steps=50,
        report_to="none",
        disable_tqdm=True,
        seed=seed,
        dataloader_drop_last=True,
    )
    train(
        model,
        tokenizer,
        corpus.train,
        corpus.development[:300],
        arguments,
        optimizer=MuonAdamW(model, lr=recipe["learning_rate"]),
    )
    last = max(work.glob("checkpoint-*"), key=lambda folder: int(folder.name.split("-")[1]))
    shutil.rmtree(work / "best", ignore_errors=True)
    T5VAE.from_pretrained(last).save_pretrained(work / "best")
    state = json.loads((last / "trainer_state.json").read_text())
    record = {
        "recipe": recipe,
        "corpus": corpus.description,
        "seconds_of_the_last_start": round(time.time() - started),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
        + (f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""),
        "curve": [
            {k: row[k] for k in ("step", "eval_bleu", "eval_exact", "eval_mmd")}
            for row in state["log_history"]
            if "eval_bleu" in row
        ],
    }
    file.write_text(json.dumps(record, indent=2))
    return record


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder ../shared/data")
    parser.add_argument("--work", type=Path, required=True, help="where checkpoints and the trained model go")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--start", type=Path, help="directory of a model to begin with")
    parser.add_argument("--last-stage", action="store_true", help="fewer dimensions, tweets alone")
    parser.add_argument("--eval-steps", type=int, default=250)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    train_bundled(
        options.data,
        options.work,
        steps=options.steps,
        seed=options.seed,
        start=options.start,
        last_stage=options.last_stage,
        eval_steps=options.eval_steps,
    )

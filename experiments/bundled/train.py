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

from latentopt.corruption import Blank
from latentopt.model import T5VAE, T5VAEConfig, small_t5
from latentopt.muon import MuonAdamW
from latentopt.tokenization import load_tokenizer, train_tokenizer
from latentopt.training import train

RECIPE: dict[str, Any] = {
    "vocab_size": 8192,
    "t5": {"d_model": 256, "layers": 2, "decoder_layers": 3, "heads": 4, "d_ff": 640, "positions": 64},
    "vae": {
        "latent_dim": 320,
        "positions": 64,
        "slot_dim": 32,
        "latent_noise": 1.0,
        "bag_weight": 0.01,
        "regularizer_weight": 10.0,
    },
    "blank": 0.0,
    "batch_size": 128,
    "learning_rate": 3e-3,
    "warmup_steps": 200,
    "decay_steps": 1500,
    "titles": 200_000,
    "tweet_copies": 2,
}


def corpus_of(data: Path, seed: int) -> Corpus:
    """The texts that the recipe asks for."""
    return read_corpus(data, seed=seed, titles=RECIPE["titles"], tweet_copies=RECIPE["tweet_copies"])


def train_bundled(data: Path, work: Path, *, steps: int, seed: int, eval_steps: int = 250) -> dict[str, Any]:
    """Train for a number of steps, write the last checkpoint's model to `work`/best, and return the run's record.

    A run of the same recipe that has ended is not repeated.
    """
    started = time.time()
    recipe = RECIPE | {"steps": steps, "seed": seed}
    file = work / "training.json"
    if file.exists() and (record := json.loads(file.read_text()))["recipe"] == recipe:
        return dict(record)
    corpus = corpus_of(data, seed)
    logging.info("corpus %s", corpus.description)
    set_seed(seed)
    if (work / "tokenizer.json").exists():
        tokenizer = load_tokenizer(work)
    else:
        tokenizer = train_tokenizer(corpus.train, vocab_size=RECIPE["vocab_size"])
        tokenizer.save_pretrained(work)
    model = T5VAE(T5VAEConfig(small_t5(len(tokenizer), **RECIPE["t5"]), **RECIPE["vae"]))
    logging.info("%.1f M parameters", sum(p.numel() for p in model.parameters()) / 1e6)
    arguments = TrainingArguments(
        output_dir=str(work),
        max_steps=steps,
        per_device_train_batch_size=RECIPE["batch_size"],
        learning_rate=RECIPE["learning_rate"],
        warmup_steps=RECIPE["warmup_steps"],
        lr_scheduler_type="warmup_stable_decay",
        lr_scheduler_kwargs={"num_decay_steps": RECIPE["decay_steps"], "decay_type": "1-sqrt"},
        bf16=True,
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
        corruptions=[Blank(RECIPE["blank"], tokenizer.mask_token_id)],
        optimizer=MuonAdamW(model, lr=RECIPE["learning_rate"]),
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
    parser.add_argument("--eval-steps", type=int, default=250)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    train_bundled(options.data, options.work, steps=options.steps, seed=options.seed, eval_steps=options.eval_steps)

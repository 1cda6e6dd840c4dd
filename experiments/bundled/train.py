"""Train the bundled T5-VAE. Stop it and start it again at will: it goes on from the last complete checkpoint.

With --steps changed between two starts the learning rate's decay moves along, so a run can be lengthened.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import time
from pathlib import Path

import torch
from corpus import read_corpus
from transformers import TrainingArguments, set_seed

from latentopt.corruption import Blank
from latentopt.model import T5VAE, T5VAEConfig, small_t5
from latentopt.muon import MuonAdamW
from latentopt.tokenization import load_tokenizer, train_tokenizer
from latentopt.training import train

RECIPE = {
    "vocab_size": 8192,
    "t5": {"d_model": 256, "layers": 2, "decoder_layers": 3, "heads": 4, "d_ff": 640, "positions": 64},
    "vae": {
        "latent_dim": 256,
        "positions": 64,
        "slot_dim": 32,
        "latent_noise": 1.0,
        "bag_weight": 0.5,
        "regularizer_weight": 5.0,
    },
    "blank": 0.1,
}


def main() -> None:
    """Read the data, train, save model, tokenizer and density into --work."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder ../shared/data")
    parser.add_argument("--work", type=Path, required=True, help="where checkpoints and the trained model go")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--decay-steps", type=int, default=1200)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--titles", type=int, default=200_000)
    parser.add_argument("--tweet-copies", type=int, default=2)
    parser.add_argument("--eval-steps", type=int, default=500)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    started = time.time()

    corpus = read_corpus(options.data, seed=options.seed, titles=options.titles, tweet_copies=options.tweet_copies)
    logging.info("corpus %s", corpus.description)
    set_seed(options.seed)
    if (options.work / "tokenizer.json").exists():
        tokenizer = load_tokenizer(options.work)
    else:
        tokenizer = train_tokenizer(corpus.train, vocab_size=RECIPE["vocab_size"])
        tokenizer.save_pretrained(options.work)
    model = T5VAE(T5VAEConfig(small_t5(len(tokenizer), **RECIPE["t5"]), **RECIPE["vae"]))
    logging.info("%.1f M parameters", sum(p.numel() for p in model.parameters()) / 1e6)
    arguments = TrainingArguments(
        output_dir=str(options.work),
        max_steps=options.steps,
        per_device_train_batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        warmup_steps=200,
        lr_scheduler_type="warmup_stable_decay",
        lr_scheduler_kwargs={"num_decay_steps": options.decay_steps, "decay_type": "1-sqrt"},
        bf16=True,
        use_cpu=not torch.cuda.is_available(),
        eval_strategy="steps",
        eval_steps=options.eval_steps,
        save_strategy="steps",
        save_steps=options.eval_steps,
        save_total_limit=2,
        logging_steps=50,
        report_to="none",
        disable_tqdm=True,
        seed=options.seed,
        dataloader_drop_last=True,
    )
    optimizer = MuonAdamW(model, lr=options.learning_rate)
    train(
        model,
        tokenizer,
        corpus.train,
        corpus.development[:300],
        arguments,
        corruptions=[Blank(RECIPE["blank"], tokenizer.mask_token_id)],
        compile=options.compile,
        optimizer=optimizer,
    )
    state = json.loads(sorted(options.work.glob("checkpoint-*/trainer_state.json"))[-1].read_text())
    record = {
        "recipe": RECIPE | {k: v for k, v in vars(options).items() if isinstance(v, int | float)},
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
    (options.work / "training.json").write_text(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()

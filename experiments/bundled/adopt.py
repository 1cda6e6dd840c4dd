"""A checkpoint of the prototype that trained the shipped model, as one of the rounded stage of `train.py`.

    python experiments/bundled/adopt.py PROTOTYPE --data ../shared/data --weights WHEELS --work runs/bundled

PROTOTYPE is a folder with its `last.pt`, `start.pt` and `tokenizer`. Weights, what AdamW remembers of them, and the
predicted properties are taken over; the order of the texts is not, which was drawn with replacement there.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from corpus import read_corpus
from safetensors.torch import save_file
from torch import Tensor
from train import CROSS_ATTENTION, ENDLESS, SHAPE, stages
from transformers import AutoTokenizer, PreTrainedTokenizerFast
from transformers.trainer_callback import TrainerControl, TrainerState
from weights import unpacked

from latentopt.model import T5VAE, T5VAEConfig
from latentopt.model.tokenizer import SENTINELS
from latentopt.tables import atomic_directory
from latentopt.training.losses import TrainingLoss
from latentopt.training.optimizers import parameter_groups
from latentopt.training.recipe import Recipe
from latentopt.training.trainer import PREDICTIONS, RUN, began_with

EMBEDDING_DIM = 384
NOT_ROUNDED = 404  # steps of the prototype before the rounded ones, of which two make one of ours
RENAMED = (("meaning.null", "null"), ("meaning.", "pooled."), ("copy.", "positional."))
TIED = ("t5.encoder.embed_tokens.weight", "t5.decoder.embed_tokens.weight", "t5.lm_head.weight")


def new_name(name: str) -> str:
    """What a parameter of the prototype is called here, in the model."""
    for old, new in RENAMED:
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def part_of(name: str) -> str:
    """Which group of the prototype's optimizer a parameter of its model was in."""
    cross = any(name.startswith(f"t5.decoder.block.{layer}.layer.1.") for layer in CROSS_ATTENTION)
    if cross or not name.startswith("t5."):
        return "new"
    return "encoder" if name.startswith("t5.encoder") else "decoder"


def remembered(state: dict[str, Any]) -> dict[str, dict[str, Tensor]]:
    """What the prototype's AdamW remembers of each parameter, by the name that it has in a TrainingLoss."""
    names: dict[str, list[str]] = {"decoder": [], "encoder": [], "new": ["predict.weight", "predict.bias"]}
    for name in state["model"]:
        if name not in TIED:
            names[part_of(name)].append(f"model.{new_name(name)}")
    order = [name for part in names.values() for name in part]
    indices = [i for group in state["opt"]["param_groups"] for i in group["params"]]
    return {name: state["opt"]["state"][i] for name, i in zip(order, indices, strict=True)}


def adopt(prototype: Path, recipe: Recipe, began: dict[str, Any], stage: Path) -> int:
    """Write the prototype's last checkpoint as one of a stage, and return its step."""
    state = torch.load(prototype / "last.pt", weights_only=True, mmap=True)
    t5 = torch.load(prototype / "start.pt", weights_only=True, mmap=True)["config"]
    model = T5VAE(
        T5VAEConfig(
            t5,
            latent_dim=SHAPE.latent_dim,
            pooled_dim=SHAPE.pooled_dim,
            pooled_slots=SHAPE.pooled_slots,
            positions=SHAPE.positions,
            slot_dim=SHAPE.slot_dim,
            cross_attention=CROSS_ATTENTION,
            embedding_dim=EMBEDDING_DIM,
        )
    )
    model.load_state_dict({new_name(name): value for name, value in state["model"].items()})
    loss = TrainingLoss(
        model, regularizer=recipe.regularizer, noise=recipe.noise, properties=recipe.properties, weights=recipe.weights
    )
    assert loss.predict is not None
    loss.predict.load_state_dict(state["props"])
    groups = parameter_groups(loss, recipe.rates, new_cross_attention=True)
    optimizer = recipe.optimizer.make(groups)
    known = remembered(state)
    for name, parameter in loss.named_parameters():
        assert known[name]["exp_avg"].shape == parameter.shape, name
        optimizer.state[parameter] = {key: value.clone() for key, value in known[name].items()}
    step = (state["step"] - NOT_ROUNDED) // recipe.accumulate
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda at: recipe.schedule.factor(at, ENDLESS))
    scheduler.last_epoch = step
    old = AutoTokenizer.from_pretrained(prototype / "tokenizer")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=old.backend_tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=list(SENTINELS),
        clean_up_tokenization_spaces=False,
        split_special_tokens=True,
    )
    with atomic_directory(stage / f"checkpoint-{step}") as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        save_file(loss.predict.state_dict(), folder / PREDICTIONS)
        torch.save(optimizer.state_dict(), folder / "optimizer.pt")
        torch.save(scheduler.state_dict(), folder / "scheduler.pt")
        reached = TrainerState(
            global_step=step,
            train_batch_size=recipe.batch_size,
            eval_steps=recipe.eval_steps,
            save_steps=recipe.eval_steps,
            logging_steps=recipe.eval_steps,
            stateful_callbacks=[TrainerControl()],
        )
        reached.save_to_json(str(folder / "trainer_state.json"))
        (folder / RUN).write_text(json.dumps(began, indent=2))
    return step


def main() -> None:
    """Read the data, whose texts the run is known by, and convert."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prototype", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("runs/bundled"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    corpus = read_corpus(options.data, seed=options.seed)
    recipe = stages(unpacked(options.weights), options.work, decay_steps=1, seed=options.seed)["rounded"]
    began = began_with(recipe, corpus.texts, corpus.values)
    step = adopt(options.prototype, recipe, began, options.work / "rounded")
    print(f"{options.work / 'rounded' / f'checkpoint-{step}'} is there: go on with run.py")


if __name__ == "__main__":
    main()

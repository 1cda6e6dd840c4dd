"""How a training went, step by step, as its last checkpoint has it."""

from __future__ import annotations

from pathlib import Path

from transformers import TrainerState
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import get_last_checkpoint

MEASURES = {  # of the rows of `curve`, and what a figure calls them
    "loss": "training loss",
    "eval_nats": "nats a token, no latent",
    "eval_bleu": "BLEU, from latents alone",
    "eval_mmd": "latents to N(0, I): MMD",
}


def curve(folder: Path) -> list[dict[str, float]]:
    """What was measured on the way to the model in a folder: rows of `step` and what was known then, in their order.

    A training that was killed and went on has all of its steps there.
    """
    last = get_last_checkpoint(str(folder))
    if last is None:
        return []
    return TrainerState.load_from_json(str(Path(last) / TRAINER_STATE_NAME)).log_history

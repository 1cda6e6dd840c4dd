"""train(): Hugging Face's Trainer, set up for this model."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils.data import Sampler
from transformers import PreTrainedTokenizerBase, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from latentopt.errors import LatentoptError
from latentopt.evaluation import latent_health, reconstruction
from latentopt.model import T5VAE, T5VAEConfig
from latentopt.model.writing import bf16_is_fast
from latentopt.space import LatentSpace
from latentopt.space.density import LatentDensity
from latentopt.space.ngrams import NGramModel
from latentopt.tables import atomic_directory
from latentopt.training.batches import PAD_TO, PAD_TO_COMPILED, RUNS, Collator, LengthGroupedSampler, TokenTexts
from latentopt.training.corruption import Corruption

DENSITY_TEXTS = 50_000
NGRAM_TEXTS = 500_000

log = logging.getLogger(__name__)


class RegularizerWarmup(TrainerCallback):
    """Raise the regularizer's weight linearly over the first steps."""

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        model: T5VAE = kwargs["model"]
        steps = model.config.regularizer_warmup_steps
        model.regularizer_scale.fill_(min(1.0, (state.global_step + 1) / steps) if steps else 1.0)


def trains_in_bf16() -> bool:
    """Whether autocast to bf16 makes training quicker on this machine."""
    return bf16_is_fast(torch.device("cuda" if torch.cuda.is_available() else "cpu"))


class T5VAETrainer(Trainer):
    """The Trainer with this model's batches, evaluation by decoding, and checkpoints that are whole or absent."""

    def __init__(
        self,
        model: T5VAE,
        tokenizer: PreTrainedTokenizerBase,
        arguments: TrainingArguments,
        train_data: TokenTexts,
        valid_texts: Sequence[str],
        *,
        corruptions: Sequence[Corruption] = (),
        compile: bool = False,
        optimizer: torch.optim.Optimizer | None = None,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        config = model.config
        super().__init__(
            model=model,
            args=arguments,
            data_collator=Collator(
                config.pad_token_id,
                config.positions,
                corruptions,
                seed=arguments.seed,
                pad_to=PAD_TO_COMPILED if compile else PAD_TO,
                runs=1 if compile else RUNS,
            ),
            train_dataset=train_data,
            eval_dataset=list(valid_texts),
            processing_class=tokenizer,
            callbacks=[RegularizerWarmup(), *callbacks],
            optimizers=(optimizer, None),
        )
        self.model_accepts_loss_kwargs = False  # our loss is a mean already
        self._parts: dict[str, Tensor] = {}
        self._part_steps = 0
        self._compile = compile
        self._compiled: Any = None

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The model's own loss; its parts are kept for the log."""
        if self._compile and self._compiled is None:
            torch._dynamo.config.recompile_limit = 32  # a graph for each width
            self._compiled = torch.compile(model, dynamic=False)
        out = (self._compiled or model)(**inputs)
        for name in ("reconstruction", "regularization"):
            self._parts[name] = self._parts.get(name, 0) + out[name].detach()
        self._part_steps += 1
        return (out.loss, out) if return_outputs else out.loss

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Add the parts of the loss to the training log."""
        if "loss" in logs and self._part_steps:
            logs |= {name: round((total / self._part_steps).item(), 5) for name, total in self._parts.items()}
            self._parts, self._part_steps = {}, 0
        super().log(logs, *args, **kwargs)

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Encode and decode the validation texts: BLEU, exact match, active units, MMD; some samples go to the log."""
        texts = cast("Sequence[str]", eval_dataset if eval_dataset is not None else self.eval_dataset)
        model = cast("T5VAE", self.model)
        space = LatentSpace(model, cast("PreTrainedTokenizerBase", self.processing_class))
        with torch.random.fork_rng(devices=[]), self.autocast_smart_context_manager():
            z = space.encode(texts)
            decoded = space.decode(z)
            health = latent_health(z)
            samples = space.sample(3)
        model.train()
        metrics = {f"{metric_key_prefix}_{k}": v for k, v in {**reconstruction(texts, decoded), **health}.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        if self.is_world_process_zero():
            for text, again in list(zip(texts, decoded, strict=True))[:3]:
                log.info("  text    %s\n  decoded %s", text, again)
            for sample in samples:
                log.info("  sample  %s", sample)
        return metrics

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        data = cast("TokenTexts", train_dataset if train_dataset is not None else self.train_dataset)
        if self._compile:
            run = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        else:
            run = max(1, self.args.train_batch_size // RUNS)
        return LengthGroupedSampler(data.lengths, run, seed=self.args.data_seed or self.args.seed)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        # The Trainer writes a checkpoint file by file: it does so in a staging folder, which is renamed when all is
        # on disk.
        final = self._folder
        staging = final / "staging"
        if self.args.should_save:
            shutil.rmtree(staging, ignore_errors=True)
        self.args.output_dir = str(staging)
        try:
            super()._save_checkpoint(model, trial)
        finally:
            self.args.output_dir = str(final)
        if self.args.should_save:
            name = f"checkpoint-{self.state.global_step}"
            with atomic_directory(final / name) as temporary:
                temporary.rmdir()
                os.rename(staging / name, temporary)
            shutil.rmtree(staging)
            self._remove_old(final)

    @property
    def _folder(self) -> Path:
        return Path(str(self.args.output_dir))

    def _remove_old(self, folder: Path) -> None:
        whole = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
        best = f"checkpoint-{self.state.best_global_step}" if self.args.load_best_model_at_end else ""
        for old in whole[: -self.args.save_total_limit] if self.args.save_total_limit else []:
            if old.name != best:
                shutil.rmtree(old)

    def _load_best_model(self) -> None:
        # The state remembers the staging folder.
        self.state.best_model_checkpoint = str(self._folder / f"checkpoint-{self.state.best_global_step}")
        super()._load_best_model()


def train(
    model: T5VAE,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    valid_texts: Sequence[str],
    arguments: TrainingArguments,
    *,
    corruptions: Sequence[Corruption] = (),
    compile: bool = False,
    optimizer: torch.optim.Optimizer | None = None,
    callbacks: Sequence[TrainerCallback] = (),
) -> LatentSpace:
    """Train a T5VAE, or go on where an earlier call with the same output directory stopped.

    Args:
        model: a new T5VAE, or one to train further.
        tokenizer: its tokenizer.
        texts: the training texts; those longer than the model's positions are left out, with a warning.
        valid_texts: texts that each evaluation reconstructs.
        arguments: Hugging Face's; `output_dir` receives the checkpoints and, at the end, model,
            tokenizer, density and n-grams.
        corruptions: noise on the encoder's input tokens.
        compile: use torch.compile (minutes of compilation at first, then up to twice as fast).
        optimizer: for instance MuonAdamW(model, lr=...); None makes the one that the arguments name.
        callbacks: for instance transformers' EarlyStoppingCallback.

    Returns:
        The space of the trained model, with the density of its latents and the n-grams of its texts.

    Raises:
        LatentoptError: if the output directory holds checkpoints of another model.
    """
    output = Path(str(arguments.output_dir))
    output.mkdir(parents=True, exist_ok=True)
    if blank := next((str(i) for i, text in enumerate(texts) if not text.strip()), None):
        raise LatentoptError(f"a text must have at least one visible character, but training text {blank} has none")
    data = TokenTexts(tokenizer, texts, positions=model.config.positions)
    batch = arguments.train_batch_size * arguments.gradient_accumulation_steps * arguments.world_size
    if len(data) < batch:
        raise LatentoptError(
            f"a step needs {batch} texts, and {len(data)} are left to train on; give more texts or a smaller batch"
        )
    if data.too_long:
        log.warning("left out %d of %d texts: longer than %d tokens", data.too_long, len(texts), model.config.positions)
    trainer = T5VAETrainer(
        model,
        tokenizer,
        arguments,
        data,
        valid_texts,
        corruptions=corruptions,
        compile=compile,
        optimizer=optimizer,
        callbacks=callbacks,
    )
    last = get_last_checkpoint(str(output))
    if last is not None:
        _check_same_shape(model, Path(last))
        log.info("going on from %s", last)
    if last is not None and 0 < arguments.max_steps <= int(last.rsplit("-", 1)[1]):
        log.info("the run has had its %d steps", arguments.max_steps)  # the Trainer would make one more
        trainer._load_from_checkpoint(last)
    else:
        trainer.train(resume_from_checkpoint=last)
    space = LatentSpace(model, tokenizer, path=output)
    generator = torch.Generator().manual_seed(arguments.seed)
    chosen = torch.randperm(len(data), generator=generator)[:DENSITY_TEXTS].tolist()
    with trainer.autocast_smart_context_manager():
        space.density = LatentDensity.fit(space.encode(space.tokenizer.batch_decode([data[i][1][:-1] for i in chosen])))
    counted = torch.randperm(len(data), generator=generator)[:NGRAM_TEXTS].tolist()
    once = list(dict.fromkeys(tuple(data[i][1]) for i in counted))
    space.ngrams = NGramModel.fit(once, vocab_size=len(tokenizer))
    if trainer.is_world_process_zero():
        space.save_pretrained(output)
    return space


def _shape(config: T5VAEConfig) -> dict[str, Any]:
    own = ("latent_dim", "positions", "slot_dim", "regularizer", "step_input")
    inner = ("vocab_size", "d_model", "d_ff", "num_layers", "num_decoder_layers", "num_heads")
    t5 = config.t5_config()
    return {key: getattr(config, key) for key in own} | {key: getattr(t5, key) for key in inner}


def _check_same_shape(model: T5VAE, checkpoint: Path) -> None:
    saved = type(model.config).from_pretrained(checkpoint)
    ours, theirs = _shape(model.config), _shape(saved)
    if different := [key for key in ours if ours[key] != theirs[key]]:
        ours, theirs = ({key: shape[key] for key in different} for shape in (ours, theirs))
        raise LatentoptError(
            f"{checkpoint.parent} holds checkpoints of another model ({theirs}), this one is {ours}; "
            "choose another output directory"
        )

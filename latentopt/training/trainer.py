"""train(): Hugging Face's Trainer, set up for this model."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import Sampler
from transformers import (
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import get_last_checkpoint

from latentopt.errors import LatentoptError
from latentopt.evaluation import latent_health, reconstruction
from latentopt.model.bf16 import bf16_is_fast
from latentopt.space import LatentDensity, LatentSpace
from latentopt.space.loading import ATTENTION, load
from latentopt.tables import atomic_directory
from latentopt.training.batch_loss import TrainingLoss
from latentopt.training.batches import Collator, LengthGroupedSampler, Texts
from latentopt.training.began import RUN, began_with, check_same
from latentopt.training.callbacks import Patience, RegularizerWarmup
from latentopt.training.optimizers import parameter_groups
from latentopt.training.recipe import Recipe
from latentopt.training.rounding import RoundedSteps, rounded
from latentopt.training.teacher import TeacherEmbeddings, embedding_dim

DENSITY_TEXTS = 10_000
LOG_STEPS = 50
KEPT = 2  # checkpoints
MOST_WORKERS = 14  # as many have made 4 batches of 512 texts a second
STAGING = ".staging"  # in the output folder: where a checkpoint is written before it gets its name
PREDICTIONS = "predictions.safetensors"  # in a checkpoint, beside model and tokenizer
PARTS = ("wholes", "fills", "regularization", "teacher", "properties")

log = logging.getLogger(__name__)


def trains_in_bf16() -> bool:
    """Whether autocast to bf16 makes training quicker on this machine."""
    return bf16_is_fast(torch.device("cuda" if torch.cuda.is_available() else "cpu"))


class T5VAETrainer(Trainer):
    """The Trainer with this model's batches, evaluation by decoding, and checkpoints that are whole or absent.

    It trains a TrainingLoss; a checkpoint is a directory of a model, with what the run needs to go on. The Trainer
    writes it file by file, into a staging folder that is its `output_dir`; whole, it is moved to where it belongs.
    """

    def __init__(
        self,
        loss: TrainingLoss,
        tokenizer: PreTrainedTokenizerBase,
        recipe: Recipe,
        output: Path,
        args: TrainingArguments,
        train_data: Texts,
        valid_texts: Sequence[str],
        *,
        began: dict[str, Any],
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        groups = parameter_groups(loss, recipe.rates, new_cross_attention=recipe.start.new_cross_attention)
        super().__init__(
            model=loss,
            args=args,
            data_collator=Collator(
                tokenizer,
                loss.model.config.positions,
                recipe.corruptions,
                uses=recipe.uses,
                seed=recipe.seed,
                runs=recipe.runs,
            ),
            train_dataset=train_data,
            eval_dataset=list(valid_texts),
            processing_class=tokenizer,
            callbacks=[
                RegularizerWarmup(recipe.regularizer_warmup),
                *([] if recipe.precision is None else [RoundedSteps(recipe.precision)]),
                *callbacks,
            ],
            optimizers=(recipe.optimizer.make(groups), None),
        )
        self.model_accepts_loss_kwargs = False  # our loss is a mean already
        self.recipe = recipe
        self.output = output
        self.began = began
        self._parts: dict[str, Tensor] = {}
        self._part_steps = 0

    @property
    def loss(self) -> TrainingLoss:
        """What is trained."""
        return cast("TrainingLoss", self.model)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The recipe's schedule."""
        if self.lr_scheduler is None:

            def factor(step: int) -> float:
                return self.recipe.schedule.factor(step, num_training_steps)

            stepping = cast("torch.optim.Optimizer", optimizer or self.optimizer)
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(stepping, factor)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The loss of a batch; its parts are kept for the log."""
        out = model(**inputs)
        for name in PARTS:
            if name in out:  # None is not in it
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
        """Encode and decode the validation texts: BLEU, exact match, active units, MMD; some samples go to the log.

        `nats` are those of a token under the null latent, that is, of the network as a language model.
        """
        texts = cast("Sequence[str]", eval_dataset if eval_dataset is not None else self.eval_dataset)
        self.loss.eval()
        space = LatentSpace(self.loss.model, cast("PreTrainedTokenizerBase", self.processing_class))
        # Nothing here draws from the global generator, which trains.
        with self.autocast_smart_context_manager(), rounded(self.loss.model, self.recipe.precision):
            z = space.encode(texts)
            decoded = space.decode(z)
            health = latent_health(z)
            nats = -space.log_likelihood(texts).mean().item()
            samples = space.sample(3)
        self.loss.train()
        found = {**reconstruction(texts, decoded), "nats": nats, **health}
        metrics = {f"{metric_key_prefix}_{k}": v for k, v in found.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        if self.is_world_process_zero():
            for text, again in list(zip(texts, decoded, strict=True))[:3]:
                log.info("  text    %s\n  decoded %s", text, again)
            for sample in samples:
                log.info("  sample  %s", sample)
        return metrics

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        data = cast("Texts", train_dataset if train_dataset is not None else self.train_dataset)
        return LengthGroupedSampler(data.lengths, self.args.train_batch_size // self.recipe.runs, seed=self.args.seed)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        if not self.args.should_save:
            return
        folder = Path(output_dir or str(self.args.output_dir))
        self.loss.model.save_pretrained(folder)
        cast("PreTrainedTokenizerBase", self.processing_class).save_pretrained(folder)
        if self.loss.predict is not None:
            save_file(self.loss.predict.state_dict(), folder / PREDICTIONS)
        (folder / RUN).write_text(json.dumps(self.began, indent=2))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        self.accelerator.wait_for_everyone()  # each process has written the state of its random generators
        if not self.args.should_save:
            return
        name, best = (f"checkpoint-{step}" for step in (self.state.global_step, self.state.best_global_step))
        if self.state.best_model_checkpoint is not None:  # the Trainer means where it wrote it
            self.state.best_model_checkpoint = str(self.output / best)
            self.state.save_to_json(str(self.output / STAGING / name / TRAINER_STATE_NAME))
        with atomic_directory(self.output / name) as temporary:
            temporary.rmdir()
            os.rename(self.output / STAGING / name, temporary)
        for old in _checkpoints(self.output)[:-KEPT]:
            if old.name != best:
                shutil.rmtree(old)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        folder = Path(resume_from_checkpoint)
        self.loss.model.load_state_dict(load(folder)[0].state_dict())
        if self.loss.predict is not None:
            self.loss.predict.load_state_dict(load_file(folder / PREDICTIONS))

    def _load_best_model(self) -> None:
        self._load_from_checkpoint(str(self.output / f"checkpoint-{self.state.best_global_step}"))

    def ended_at(self, checkpoint: Path) -> bool:
        """Whether the run ended at a checkpoint, by its steps or its patience; the model is then what it trained."""
        state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
        patience = self.recipe.patience
        if state.global_step < state.max_steps and (patience is None or Patience.waited(state) < patience):
            return False
        if patience is not None and state.best_global_step:
            self.state = state
            self._load_best_model()
        return True


def train(
    recipe: Recipe,
    texts: Sequence[str],
    valid_texts: Sequence[str],
    output: str | Path,
    *,
    values: NDArray[np.float32] | None = None,
    restart: bool = False,
    cache: Path | None = None,
    callbacks: Sequence[TrainerCallback] = (),
) -> LatentSpace:
    """Train a T5VAE, or go on where an earlier call with the same output folder stopped.

    The global random generators are seeded by the recipe and drawn from, as the Trainer has it.

    Args:
        recipe: what the run is.
        texts: n texts to train on; those longer than the model's positions are left out, with a warning.
        valid_texts: texts that each evaluation reconstructs.
        output: the folder that receives the checkpoints and, at the end, model, tokenizer and density.
        values: of the recipe's properties, (n, p), not a number where unknown.
        restart: give up what the folder holds of an earlier run.
        cache: folder that keeps the teacher's embeddings, for other runs on the same texts; None: the output folder.
        callbacks: the Trainer's.

    Returns:
        The space of the trained model, with the density of its latents.

    Raises:
        LatentoptError: if the folder holds a run of another recipe, other weights to begin with, other texts
            (validation texts, too: what is best so far was measured on them), other values or another number of
            processes; if texts are blank or too few; if the regularizer needs what the model does not give.
    """
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    if blank := next((str(i) for i, text in enumerate(texts) if not text.strip()), None):
        raise LatentoptError(f"a text must have at least one visible character, but training text {blank} has none")
    known = (0, 0) if values is None else values.shape
    if recipe.properties and known != (len(texts), len(recipe.properties)):
        raise LatentoptError(
            f"the recipe has {len(recipe.properties)} properties of {len(texts)} texts, got values of shape {known}"
        )
    arguments = _arguments(recipe, output / STAGING)
    began = began_with(recipe, texts, valid_texts, values, processes=arguments.world_size)
    last = None if restart else get_last_checkpoint(str(output))
    if last is not None:
        check_same(Path(last), began)
        log.info("going on from %s", last)
        model, tokenizer = load(Path(last))
    else:
        set_seed(recipe.seed)  # new weights are drawn before there is a Trainer, which seeds again
        size = embedding_dim(recipe.teacher) if recipe.teacher is not None else 0
        model, tokenizer = recipe.start.make(texts, embedding_dim=size)
    if recipe.regularizer.needs_variance and not model.config.stochastic:
        raise LatentoptError(
            "KL needs a model whose encoder gives log variances, and what this training begins with gives none; "
            "take another regularizer (--regularizer mmd), or begin with a model that was trained with KL"
        )
    model.t5.set_attn_implementation(ATTENTION)  # also of a new one: a run that goes on computes as it began
    for weight in (*model.parameters(), *model.buffers()):
        # Those of a file are mapped, wherever they lie in it, and on some processors a product is rounded by address.
        weight.data = weight.data.clone()
    embeddings = None if recipe.teacher is None else TeacherEmbeddings(recipe.teacher, texts, cache=cache or output)
    data = Texts(tokenizer, texts, positions=model.config.positions, values=values, embeddings=embeddings)
    if embeddings is not None and arguments.dataloader_num_workers:
        with arguments.main_process_first(desc="teacher's embeddings"):  # the others find them in the file
            embeddings.compute(data.kept)
    loss = TrainingLoss(
        model,
        regularizer=recipe.regularizer,
        noise=recipe.noise,
        properties=recipe.properties,
        weights=recipe.weights,
    )
    trainer = T5VAETrainer(
        loss,
        tokenizer,
        recipe,
        output,
        arguments,
        data,
        valid_texts,
        began=began,
        callbacks=[*([Patience(recipe.patience)] if recipe.patience else []), *callbacks],
    )
    batch = recipe.batch_size * recipe.accumulate * arguments.world_size
    if len(data) < batch:
        raise LatentoptError(
            f"a step needs {batch} texts, and {len(data)} are left to train on; give more texts or a smaller batch"
        )
    if restart:  # not before it is known that the new run can begin
        for old in _checkpoints(output):
            shutil.rmtree(old, ignore_errors=True)  # each process of a training tries
    if data.too_long:
        log.warning("left out %d of %d texts: longer than %d tokens", data.too_long, len(texts), model.config.positions)
    if last is not None and trainer.ended_at(Path(last)):
        log.info("the run has ended, after %d steps", _step(Path(last)))  # the Trainer would make one more
    else:
        trainer.train(resume_from_checkpoint=last)
    space = LatentSpace(loss.model.eval(), tokenizer, path=output)
    generator = torch.Generator().manual_seed(recipe.seed)
    chosen = torch.randperm(len(data), generator=generator)[:DENSITY_TEXTS].tolist()
    with trainer.autocast_smart_context_manager(), rounded(loss.model, recipe.precision):
        space.density = LatentDensity.fit(space.pooled(space.encode([texts[data.kept[i]] for i in chosen])))
    if trainer.is_world_process_zero():
        shutil.rmtree(output / STAGING, ignore_errors=True)
        space.save_pretrained(output)
    return space


def _arguments(recipe: Recipe, output: Path) -> TrainingArguments:
    workers = _workers()
    return TrainingArguments(
        output_dir=str(output),
        num_train_epochs=recipe.epochs,
        max_steps=recipe.max_steps or -1,
        per_device_train_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.accumulate,
        learning_rate=recipe.rates.new,
        max_grad_norm=1.0,
        bf16=not recipe.fp32 and trains_in_bf16(),
        use_cpu=not torch.cuda.is_available(),
        eval_strategy="steps",
        eval_steps=recipe.eval_steps,
        save_strategy="steps",
        save_steps=recipe.eval_steps,
        logging_steps=min(LOG_STEPS, recipe.eval_steps),
        report_to=recipe.report_to,
        load_best_model_at_end=recipe.patience is not None,
        metric_for_best_model="bleu" if recipe.patience is not None else None,
        greater_is_better=True,
        seed=recipe.seed,
        dataloader_drop_last=True,
        # A GPU takes a batch in less time than it takes to make one; on a CPU they would want the same cores.
        dataloader_num_workers=workers,
        dataloader_persistent_workers=workers > 0,
        logging_nan_inf_filter=not torch.cuda.is_available(),  # it would wait for each step's loss
        remove_unused_columns=False,
    )


def _workers() -> int:
    """Processes that make batches: where there is a GPU, this process's share of the cores but two."""
    if not torch.cuda.is_available():
        return 0
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return max(1, min(MOST_WORKERS, (os.cpu_count() or 1) // processes - 2))


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(folder.glob("checkpoint-*"), key=_step)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rsplit("-", 1)[1])

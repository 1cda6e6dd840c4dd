"""Training: checkpoints, and a run that is killed and goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import PreTrainedTokenizerBase, TrainerCallback, set_seed
from transformers.trainer_utils import get_last_checkpoint

from latentopt.errors import LatentoptError
from latentopt.model import T5VAE
from latentopt.model.tokenizer import train_tokenizer
from latentopt.space import LatentSpace
from latentopt.training import trainer
from latentopt.training.batches import Collator, LengthGroupedSampler, Texts
from latentopt.training.began import began_with, check_same
from latentopt.training.corruption import Drop
from latentopt.training.losses import KL, MMD, LatentNoise, Property, Weights
from latentopt.training.optimizers import Muon, Rates
from latentopt.training.recipe import Recipe, Schedule, Uses
from latentopt.training.starts import FromModel, NewT5, Shape
from latentopt.training.trainer import T5VAETrainer, train
from tests.kill import child
from tests.toy import toy_config, toy_texts

TOKENIZER = train_tokenizer(toy_texts(300), vocab_size=400)


@dataclass(frozen=True)
class Toy:
    """The toy's shape, untrained."""

    latent_dim: int = 24
    new_cross_attention = False

    def weights(self) -> None:
        return None

    def make(self, texts: Sequence[str], *, embedding_dim: int) -> tuple[T5VAE, PreTrainedTokenizerBase]:
        set_seed(0)
        config = toy_config(len(TOKENIZER), latent_dim=self.latent_dim, embedding_dim=embedding_dim)
        return T5VAE(config), TOKENIZER


RECIPE = Recipe(start=Toy(), max_steps=6, batch_size=8, rates=Rates(1e-2), eval_steps=2, schedule=Schedule(2))


ONE_STEP = replace(RECIPE, max_steps=1, eval_steps=1)


def run(recipe: Recipe, output: Path, texts: Sequence[str] | None = None, **options: Any) -> LatentSpace:
    texts = toy_texts(64) if texts is None else texts
    return train(recipe, texts, texts[:4], output, **options)


class Stopped(Exception):
    """What an interruption is in these tests."""


def interrupt(recipe: Recipe, output: Path, **options: Any) -> None:
    """Begin a run, and stop it while it writes its second checkpoint."""
    save, count = T5VAETrainer._save_rng_state, iter([0, 1])

    def fail(self: T5VAETrainer, folder: str) -> None:
        if next(count) == 1:
            raise Stopped  # weights and optimizer are written by now
        save(self, folder)

    with pytest.MonkeyPatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(T5VAETrainer, "_save_rng_state", fail)
        run(recipe, output, **options)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an interrupted run of RECIPE leaves."""
    folder = tmp_path_factory.mktemp("begun") / "run"
    interrupt(RECIPE, folder)
    return folder


@pytest.fixture(scope="module")
def one_step(tmp_path_factory: pytest.TempPathFactory) -> LatentSpace:
    """What a step of RECIPE makes."""
    return run(ONE_STEP, tmp_path_factory.mktemp("one step"))


@pytest.fixture
def interrupted(begun: Path):
    """Return a function that puts an interrupted run of RECIPE into a folder."""
    return lambda output: shutil.copytree(begun, output, dirs_exist_ok=True)


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch):
    """Return a function that says what BLEU the evaluations to come find; one beyond them fails."""

    def find(*bleu: float) -> None:
        scores = iter(bleu)

        def evaluate(self: T5VAETrainer, *_: object, **__: object) -> dict[str, float]:
            metrics = {"eval_bleu": next(scores)}
            self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
            return metrics

        monkeypatch.setattr(T5VAETrainer, "evaluate", evaluate)

    return find


class TestTrain:
    def test_a_small_model_learns_its_texts(self, tmp_path: Path) -> None:
        texts = toy_texts(64)
        space = run(replace(RECIPE, max_steps=100, eval_steps=100), tmp_path, texts)
        untrained = LatentSpace(Toy().make([], embedding_dim=0)[0].eval(), TOKENIZER)
        before = untrained.log_likelihood(texts, untrained.encode(texts)).mean()
        after = space.log_likelihood(texts, space.encode(texts)).mean()
        assert after > before + 2  # nats per token
        assert LatentSpace.from_pretrained(tmp_path).fingerprint == space.fingerprint
        assert space.density.mean.shape == (8,)  # of the pooled part
        assert not (tmp_path / ".staging").exists()

    def test_properties_are_learned_and_kept_in_the_checkpoint(self, tmp_path: Path) -> None:
        texts = toy_texts(64)
        values = np.array([["bread" in text] for text in texts], dtype=np.float32)
        values[:8] = np.nan
        recipe = replace(RECIPE, properties=(Property("bread", binary=True),), max_steps=40, eval_steps=20)
        run(recipe, tmp_path, texts, values=values)
        log = json.loads((tmp_path / "checkpoint-40/trainer_state.json").read_text())["log_history"]
        costs = [row["properties"] for row in log if "properties" in row]
        assert costs[-1] < costs[0]
        assert load_file(tmp_path / "checkpoint-40/predictions.safetensors")["weight"].shape == (1, 8)

    @pytest.mark.parametrize(
        "change",
        [
            {"seed": 1},
            {"corruptions": (Drop(0.5),)},
            {"noise": LatentNoise(0.0)},
            {"uses": Uses(fills=0.0)},
            {"regularizer": MMD(9.0)},
            {"weights": Weights(fills=9.0)},
            {"batch_size": 16},
            {"accumulate": 2},
            {"runs": 1},
            {"schedule": Schedule(0)},
            {"rates": Rates(1e-2, encoder=0.1)},
            {"rates": Rates(1e-2, language_model=0.1)},
        ],
        ids=lambda change: "".join(change),
    )
    def test_every_part_of_a_recipe_changes_what_is_trained(
        self, tmp_path: Path, one_step: LatentSpace, change: dict[str, Any]
    ) -> None:
        assert run(replace(ONE_STEP, **change), tmp_path).fingerprint != one_step.fingerprint

    def test_a_batch_is_made_as_the_recipe_says(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        recipe = replace(ONE_STEP, seed=3, runs=2, uses=Uses(fills=0.25), corruptions=(Drop(0.5),))
        compute, seen = T5VAETrainer.compute_loss, []
        monkeypatch.setattr(
            T5VAETrainer, "compute_loss", lambda *given, **more: (seen.append(given[2]), compute(*given, **more))[1]
        )
        run(recipe, tmp_path)
        data = Texts(TOKENIZER, toy_texts(64), positions=32)
        drawn = list(LengthGroupedSampler(data.lengths, recipe.batch_size // recipe.runs, seed=recipe.seed))
        collate = Collator(TOKENIZER, 32, recipe.corruptions, uses=recipe.uses, seed=recipe.seed, runs=recipe.runs)
        expected = collate(data.__getitems__(drawn[: recipe.batch_size]))["runs"]
        (found,) = (batch["runs"] for batch in seen)
        assert [part.keys() for part in found] == [part.keys() for part in expected]
        for part, same in zip(found, expected, strict=True):
            assert all(torch.equal(part[name], same[name]) for name in same)

    def test_the_same_recipe_trains_the_same(self, tmp_path: Path, one_step: LatentSpace) -> None:
        assert run(ONE_STEP, tmp_path).fingerprint == one_step.fingerprint

    def test_bf16_is_not_used_where_fp32_is_asked_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(trainer, "trains_in_bf16", lambda: True)
        said = [trainer._arguments(replace(RECIPE, fp32=fp32), tmp_path).bf16 for fp32 in (False, True)]
        assert said == [True, False]

    def test_the_seed_of_a_recipe_is_that_of_new_weights_too(self, tmp_path: Path) -> None:
        start = NewT5(Shape(latent_dim=16, pooled_dim=8, positions=32), vocab_size=300, d_model=32, layers=1)
        for name in ("one", "two"):
            torch.randn(3)  # what a program drew before
            run(replace(RECIPE, start=start, max_steps=1, eval_steps=1), tmp_path / name)
        one, two = (LatentSpace.from_pretrained(tmp_path / name) for name in ("one", "two"))
        assert one.fingerprint == two.fingerprint

    def test_values_that_do_not_fit_the_properties_are_refused(self, tmp_path: Path) -> None:
        recipe = replace(RECIPE, properties=(Property("bread", binary=True),))
        with pytest.raises(LatentoptError, match=r"1 properties of 64 texts, got values of shape \(64, 2\)"):
            run(recipe, tmp_path, values=np.zeros((64, 2), dtype=np.float32))

    def test_kl_without_log_variances_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(LatentoptError, match=r"log variances, and .* gives none; take another regularizer"):
            run(replace(RECIPE, regularizer=KL()), tmp_path)

    def test_muon_trains_too(self, tmp_path: Path) -> None:
        run(replace(RECIPE, optimizer=Muon(), max_steps=2), tmp_path)
        state = torch.load(tmp_path / "checkpoint-2/optimizer.pt", weights_only=True)
        assert set(state) == {"muon", "adamw"}

    def test_the_regularizer_warms_up(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        seen = []
        log = T5VAETrainer.log
        monkeypatch.setattr(
            T5VAETrainer, "log", lambda self, *a, **k: (seen.append(self.loss.regularizer_scale), log(self, *a, **k))
        )
        run(replace(RECIPE, regularizer_warmup=12), tmp_path)
        assert seen[-1] == pytest.approx(6 / 12)

    def test_a_checkpoint_is_a_model(self, tmp_path: Path) -> None:
        space = run(replace(RECIPE, max_steps=2), tmp_path)
        assert LatentSpace.from_pretrained(tmp_path / "checkpoint-2").fingerprint == space.fingerprint

    def test_a_half_written_checkpoint_is_never_taken(self, tmp_path: Path, interrupted: Any) -> None:
        interrupted(tmp_path)
        assert get_last_checkpoint(str(tmp_path)) == str(tmp_path / "checkpoint-2")
        run(RECIPE, tmp_path)
        assert sorted(p.name for p in tmp_path.glob("checkpoint-*")) == ["checkpoint-4", "checkpoint-6"]

    def test_the_best_checkpoint_is_kept_and_taken_at_the_end(self, tmp_path: Path, scored: Any) -> None:
        scored(50.0, 10.0, 20.0)
        run(replace(RECIPE, patience=5), tmp_path)
        best, last = tmp_path / "checkpoint-2/model.safetensors", tmp_path / "checkpoint-6/model.safetensors"
        final = load_file(tmp_path / "model.safetensors")
        assert all(torch.equal(v, final[k]) for k, v in load_file(best).items())
        assert any(not torch.equal(v, final[k]) for k, v in load_file(last).items())


class TestGoingOn:
    """A run goes on with what it began with, and nothing else."""

    def test_an_interrupted_run_ends_where_an_uninterrupted_one_ends(self, tmp_path: Path, interrupted: Any) -> None:
        whole = run(RECIPE, tmp_path / "whole")
        interrupted(tmp_path / "interrupted")
        assert run(RECIPE, tmp_path / "interrupted").fingerprint == whole.fingerprint

    def test_patience_counts_on(self, tmp_path: Path, scored: Any) -> None:
        class Stop(TrainerCallback):
            def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
                if state.global_step == 4:
                    raise Stopped

        recipe = replace(RECIPE, max_steps=12, patience=2)
        scored(50.0, 10.0)
        with pytest.raises(Stopped):
            run(recipe, tmp_path, callbacks=[Stop()])
        scored(20.0)  # the second in a row that is no better
        run(recipe, tmp_path)
        assert sorted(p.name for p in tmp_path.glob("checkpoint-*")) == [f"checkpoint-{step}" for step in (2, 4, 6)]

    @pytest.mark.parametrize("ending", [{"patience": 1}, {"max_steps": None, "epochs": 0.5}])
    def test_a_run_that_has_ended_only_gives_its_model_again(
        self, tmp_path: Path, scored: Any, ending: dict[str, Any]
    ) -> None:
        recipe = replace(RECIPE, **ending)
        scored(50.0, 10.0)
        ended = run(recipe, tmp_path)
        assert (tmp_path / "checkpoint-4").exists()
        scored()
        assert run(recipe, tmp_path).fingerprint == ended.fingerprint
        assert not list(tmp_path.glob("checkpoint-[5-9]"))

    def test_more_patience_goes_on(self, tmp_path: Path, scored: Any) -> None:
        scored(50.0, 10.0)
        run(replace(RECIPE, patience=1), tmp_path)
        scored(60.0)
        run(replace(RECIPE, patience=2), tmp_path)
        assert (tmp_path / "checkpoint-6").exists()

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"rates": Rates(1e-3)}, "rates.new: 0.01, now 0.001"),
            ({"schedule": Schedule(3)}, "schedule.warmup_steps: 2, now 3"),
            ({"max_steps": 8}, "max_steps: 6, now 8"),
            ({"start": Toy(16)}, "start.latent_dim: 24, now 16"),
            ({"optimizer": Muon()}, r"optimizer: AdamW\(.*, now Muon\(momentum=0.95\)"),
            ({"regularizer": MMD(2.0)}, "regularizer.weight: 1.0, now 2.0"),
        ],
    )
    def test_another_recipe_is_refused_with_the_difference(
        self, tmp_path: Path, interrupted: Any, change: dict[str, Any], named: str
    ) -> None:
        interrupted(tmp_path)
        with pytest.raises(LatentoptError, match=f"holds a run of another kind \\({named}\\); .*--restart"):
            run(replace(RECIPE, **change), tmp_path)

    def test_other_texts_are_refused(self, tmp_path: Path, interrupted: Any) -> None:
        interrupted(tmp_path)
        with pytest.raises(LatentoptError, match=r"kind \(texts: 64 texts \(\w+\), now 63 texts \(\w+\)\); go on"):
            run(RECIPE, tmp_path, toy_texts(63))

    def test_other_values_are_refused(self, tmp_path: Path) -> None:
        recipe = replace(RECIPE, properties=(Property("bread", binary=True),))
        values = np.array([["bread" in text] for text in toy_texts(64)], dtype=np.float32)
        interrupt(recipe, tmp_path, values=values)
        other = values.copy()
        other[5] = np.nan
        with pytest.raises(LatentoptError, match=r"kind \(texts with their values: 64 texts \(\w+\), now 64 texts \("):
            run(recipe, tmp_path, values=other)
        run(recipe, tmp_path, values=values)

    def test_other_validation_texts_are_refused(self, tmp_path: Path, interrupted: Any) -> None:
        # What is best so far was measured on those of before.
        interrupted(tmp_path)
        with pytest.raises(
            LatentoptError, match=r"kind \(validation texts: 4 texts \(\w+\), now 5 texts \(\w+\)\); go"
        ):
            train(RECIPE, toy_texts(64), toy_texts(5, seed=9), tmp_path)

    def test_another_start_of_the_same_name_is_refused(self, tmp_path: Path) -> None:
        for name in "ab":
            space = LatentSpace(Toy().make([], embedding_dim=0)[0].eval(), TOKENIZER)
            space.model.null.data.fill_(ord(name))
            space.save_pretrained(tmp_path / name / "model")
        interrupt(replace(RECIPE, start=FromModel(tmp_path / "a/model")), tmp_path / "run")
        with pytest.raises(LatentoptError, match=r"kind \(start.weights: \w{8}, now \w{8}\); go on"):
            run(replace(RECIPE, start=FromModel(tmp_path / "b/model")), tmp_path / "run")
        (tmp_path / "a").rename(tmp_path / "moved")
        run(replace(RECIPE, start=FromModel(tmp_path / "moved/model")), tmp_path / "run")

    def test_another_number_of_processes_is_refused(self, tmp_path: Path) -> None:
        begin = partial(began_with, RECIPE, ["a text"], ["a text"], None)
        (tmp_path / "run.json").write_text(json.dumps(begin(processes=1)))
        check_same(tmp_path, begin(processes=1))
        with pytest.raises(LatentoptError, match=r"kind \(processes: 1, now 2\); go on"):
            check_same(tmp_path, begin(processes=2))

    @pytest.mark.parametrize("missing", ["validation texts", "processes", "texts"])
    def test_a_checkpoint_that_does_not_say_all_is_refused(self, tmp_path: Path, missing: str) -> None:
        began = began_with(RECIPE, ["a text"], ["a text"], None, processes=1)
        (tmp_path / "run.json").write_text(json.dumps({key: value for key, value in began.items() if key != missing}))
        with pytest.raises(LatentoptError, match="does not say of what run it is"):
            check_same(tmp_path, began)

    def test_how_often_it_is_evaluated_may_change(self, tmp_path: Path, interrupted: Any) -> None:
        interrupted(tmp_path)
        run(replace(RECIPE, eval_steps=3), tmp_path)
        assert (tmp_path / "checkpoint-6").is_dir()

    def test_restart_begins_anew(self, tmp_path: Path, interrupted: Any) -> None:
        interrupted(tmp_path)
        other = replace(RECIPE, rates=Rates(1e-3), eval_steps=6)
        fresh = run(other, tmp_path / "fresh")
        assert run(other, tmp_path, restart=True).fingerprint == fresh.fingerprint
        assert sorted(p.name for p in tmp_path.glob("checkpoint-*")) == ["checkpoint-6"]


class TestKilled:
    def start(self, texts: Path, where: Path) -> ForkServerProcess:
        """Begin to train in a folder, or go on there."""
        small = (
            "--latent-dim 16 --pooled-dim 8 --max-tokens 31 --d-model 32 --layers 1 --vocab-size 300 --batch-size 4 "
            "--runs 1 --substitute 0.2"
        )
        steps = "--epochs 2 --eval-steps 10 --warmup-steps 2 --fp32"
        where.mkdir(exist_ok=True)
        words = ["train", str(texts), "--output", "model", *small.split(), *steps.split()]
        return child.start(words, where, prepare=partial(torch.set_num_threads, 1))

    def test_a_run_killed_in_its_second_epoch_ends_where_an_uninterrupted_one_ends(self, tmp_path: Path) -> None:
        texts, whole, killed = (tmp_path / name for name in ("texts.txt", "whole", "killed"))
        texts.write_text("\n".join(toy_texts(60)))
        process = self.start(texts, whole)
        process.join()
        assert process.exitcode == 0, (whole / "said").read_text()
        process = self.start(texts, killed)
        while not (killed / "model/checkpoint-20").exists() and process.is_alive():
            process.join(0.002)
        process.kill()
        process.join()
        assert not (killed / "model/model.safetensors").exists(), "it was killed too late to show anything"
        process = self.start(texts, killed)
        process.join()
        assert process.exitcode == 0, (killed / "said").read_text()
        assert "going on from" in (killed / "said").read_text()
        one, resumed = (load_file(folder / "model/model.safetensors") for folder in (whole, killed))
        for name, weight in one.items():
            assert torch.equal(weight, resumed[name]), name

"""Training: checkpoints, and a run that is killed and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainingArguments, set_seed
from transformers.trainer_utils import get_last_checkpoint

from latentopt.errors import LatentoptError
from latentopt.model import T5VAE
from latentopt.space import LatentSpace
from latentopt.training.trainer import T5VAETrainer, train
from tests.toy import toy_config, toy_space, toy_texts


def arguments(output: Path, **options: object) -> TrainingArguments:
    return TrainingArguments(
        **{  # type: ignore[arg-type]
            "output_dir": str(output),
            "max_steps": 6,
            "per_device_train_batch_size": 8,
            "learning_rate": 1e-2,
            "save_steps": 2,
            "save_total_limit": 2,
            "report_to": "none",
            "use_cpu": True,
            "disable_tqdm": True,
            **options,
        }
    )


def new_model(**options: object) -> T5VAE:
    set_seed(0)
    return T5VAE(toy_config(len(toy_space().tokenizer), **options))


class TestTrain:
    def test_a_small_model_learns_its_texts(self, tmp_path: Path) -> None:
        texts = toy_texts(64)
        space = train(
            new_model(), toy_space().tokenizer, texts, texts[:8], arguments(tmp_path, max_steps=150, save_steps=150)
        )
        untrained = LatentSpace(new_model(), toy_space().tokenizer)
        before = untrained.log_likelihood(texts, untrained.encode(texts)).mean()
        after = space.log_likelihood(texts, space.encode(texts)).mean()
        assert after > before + 2  # nats per token
        assert LatentSpace.from_pretrained(tmp_path).fingerprint == space.fingerprint

    def test_the_regularizer_warms_up(self, tmp_path: Path) -> None:
        model = new_model(regularizer_warmup_steps=12)
        train(model, toy_space().tokenizer, toy_texts(64), toy_texts(4), arguments(tmp_path))
        assert model.regularizer_scale.item() == pytest.approx(6 / 12)

    def test_checkpoints_of_another_model_are_refused(self, tmp_path: Path) -> None:
        train(new_model(), toy_space().tokenizer, toy_texts(64), toy_texts(4), arguments(tmp_path, max_steps=2))
        with pytest.raises(LatentoptError, match="choose another output directory"):
            train(new_model(regularizer="kl"), toy_space().tokenizer, toy_texts(64), toy_texts(4), arguments(tmp_path))

    def test_a_half_written_checkpoint_is_never_taken(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        texts = toy_texts(64)
        train(new_model(), toy_space().tokenizer, texts, texts[:4], arguments(tmp_path, max_steps=2))

        def fail(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(T5VAETrainer, "_save_rng_state", fail)  # weights and optimizer are written by now
            train(new_model(), toy_space().tokenizer, texts, texts[:4], arguments(tmp_path))
        assert get_last_checkpoint(str(tmp_path)) == str(tmp_path / "checkpoint-2")
        train(new_model(), toy_space().tokenizer, texts, texts[:4], arguments(tmp_path))
        assert sorted(p.name for p in tmp_path.glob("checkpoint-*")) == ["checkpoint-4", "checkpoint-6"]

    def test_the_best_checkpoint_is_kept_and_taken_at_the_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scores = iter([50.0, 10.0, 20.0])

        def evaluate(self: T5VAETrainer, *_: object, **__: object) -> dict[str, float]:
            return {"eval_bleu": next(scores, 0.0)}

        monkeypatch.setattr(T5VAETrainer, "evaluate", evaluate)
        options = {
            "eval_strategy": "steps",
            "eval_steps": 2,
            "load_best_model_at_end": True,
            "metric_for_best_model": "bleu",
        }
        train(new_model(), toy_space().tokenizer, toy_texts(64), toy_texts(4), arguments(tmp_path, **options))
        best, last = tmp_path / "checkpoint-2/model.safetensors", tmp_path / "checkpoint-6/model.safetensors"
        final = load_file(tmp_path / "model.safetensors")
        assert all(torch.equal(v, final[k]) for k, v in load_file(best).items())
        assert any(not torch.equal(v, final[k]) for k, v in load_file(last).items())


class TestKilled:
    def command(self, texts: Path, output: Path) -> list[str]:
        small = (
            "--latent-dim 16 --max-tokens 31 --d-model 32 --layers 1 --vocab-size 300 --batch-size 4 --substitute 0.2"
        )
        steps = "--epochs 3 --eval-steps 10 --warmup-steps 2 --fp32"
        return [
            sys.executable,
            "-m",
            "latentopt",
            "train",
            str(texts),
            "--output",
            str(output),
            *small.split(),
            *steps.split(),
        ]

    def test_a_run_killed_in_its_second_epoch_ends_where_an_uninterrupted_one_ends(self, tmp_path: Path) -> None:
        texts = tmp_path / "texts.txt"
        texts.write_text("\n".join(toy_texts(100)))
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run(self.command(texts, tmp_path / "whole"), check=True, env=environment, capture_output=True)

        killed = tmp_path / "killed"
        process = subprocess.Popen(self.command(texts, killed), env=environment, stderr=subprocess.DEVNULL)
        deadline = time.time() + 120
        while not (killed / "checkpoint-30").exists() and process.poll() is None and time.time() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (killed / "model.safetensors").exists(), "it was killed too late to show anything"
        again = subprocess.run(self.command(texts, killed), check=True, env=environment, capture_output=True, text=True)
        assert "going on from" in again.stderr
        whole, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed"))
        for name, weight in whole.items():
            assert torch.equal(weight, resumed[name]), name

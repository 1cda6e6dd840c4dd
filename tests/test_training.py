"""Training: batches, optimizer, checkpoints, and a run that is killed and goes on."""

from __future__ import annotations

import copy
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

from latentopt.corruption import Drop
from latentopt.errors import LatentoptError
from latentopt.model import T5VAE
from latentopt.muon import MuonAdamW, orthogonalised
from latentopt.space import LatentSpace
from latentopt.training import Collator, LengthGroupedSampler, T5VAETrainer, TokenTexts, train
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


class TestBatches:
    def test_texts_of_like_length_share_a_batch_and_none_is_lost(self) -> None:
        lengths = torch.randint(1, 60, (2000,), generator=torch.Generator().manual_seed(0)).tolist()
        order = list(LengthGroupedSampler(lengths, 16, seed=0))
        assert sorted(order) == list(range(2000))
        spread = [max(b) - min(b) for b in ([lengths[i] for i in order[s : s + 16]] for s in range(0, 2000, 16))]
        assert sum(spread) / len(spread) < 3

    def test_the_order_depends_on_seed_and_epoch_alone(self) -> None:
        def order(epoch: int) -> list[int]:
            sampler = LengthGroupedSampler(list(range(1, 100)), 4, seed=1)
            sampler.set_epoch(epoch)
            return list(sampler)

        assert order(2) == order(2)
        assert [draw % 99 for draw in order(2)] != [draw % 99 for draw in order(3)]
        assert sorted(draw % 99 for draw in order(2)) == list(range(99))

    def test_labels_stay_clean_and_the_end_token_stays_in_the_input(self) -> None:
        rows = [(0, [*range(5, 25), 1]), (1, [*range(5, 10), 1])]
        batch = Collator(0, 32, [Drop(0.5)], seed=0)(rows)
        assert batch["labels"].tolist()[0][:21] == rows[0][1]
        assert (batch["input_ids"] == 1).sum(1).tolist() == [1, 1]
        assert batch["attention_mask"].sum(1)[0] < 21

    def test_a_batch_is_runs_of_like_lengths(self) -> None:
        rows = [(i, [5] * n + [1]) for i, n in enumerate([2, 3, 9, 9, 20, 18])]
        batch = Collator(0, 32, [], seed=0, pad_to=4, runs=3)(rows)
        assert batch["widths"] == [4, 12, 24]
        assert batch["labels"].shape == (6, 24)
        assert "widths" not in Collator(0, 32, [], seed=0, runs=4)(rows)  # six rows are no four runs

    def test_texts_that_are_too_long_are_counted(self) -> None:
        data = TokenTexts(toy_space().tokenizer, ["boats", "the old baker " * 40], positions=32)
        assert (len(data), data.too_long) == (1, 1)
        with pytest.raises(LatentoptError, match="all 1 are longer"):
            TokenTexts(toy_space().tokenizer, ["the old baker " * 40], positions=32)


class TestMuonAdamW:
    def test_every_parameter_is_stepped_once_and_embeddings_by_adamw(self) -> None:
        model = new_model()
        optimizer = MuonAdamW(model, lr=0.1)
        ours = [id(p) for group in optimizer.param_groups for p in group["params"]]
        assert sorted(ours) == sorted(id(p) for p in model.parameters())
        assert id(model.t5.shared.weight) in [id(p) for g in optimizer.adamw.param_groups for p in g["params"]]

    def test_a_loaded_state_steps_on_as_the_saved_one(self) -> None:
        ids = torch.randint(3, 200, (4, 8))

        def steps(model: T5VAE, optimizer: MuonAdamW, n: int) -> None:
            for _ in range(n):
                torch.manual_seed(0)
                model(input_ids=ids, labels=ids).loss.backward()
                optimizer.step()
                optimizer.zero_grad()

        a = new_model()
        first = MuonAdamW(a, lr=0.01)
        steps(a, first, 2)
        b = new_model()
        b.load_state_dict(a.state_dict())
        second = MuonAdamW(b, lr=0.5)
        second.load_state_dict(copy.deepcopy(first.state_dict()))  # a file would be a copy, too
        steps(a, first, 2)
        steps(b, second, 2)
        assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))

    def test_a_scheduler_reaches_both(self) -> None:
        optimizer = MuonAdamW(new_model(), lr=1.0)
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 0.25)
        assert [g["lr"] for o in (optimizer.muon, optimizer.adamw) for g in o.param_groups] == [0.25, 0.25]


class TestOrthogonalised:
    @pytest.mark.parametrize("shape", [(2, 24, 64), (2, 64, 24), (1, 32, 32)])
    def test_singular_values_are_brought_to_one(self, shape: tuple[int, int, int]) -> None:
        found = torch.linalg.svdvals(
            orthogonalised(1e-3 * torch.randn(shape, generator=torch.Generator().manual_seed(0)))
        )
        assert found.shape == (shape[0], min(shape[1:]))
        assert 0.4 < found.min() < found.max() < 1.3

    def test_each_matrix_is_alone_in_its_stack(self) -> None:
        stack = torch.randn(3, 8, 16, generator=torch.Generator().manual_seed(0))
        assert torch.allclose(
            orthogonalised(stack)[1:2], orthogonalised(stack[1:2]), atol=0.02
        )  # bf16 where it is fast


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

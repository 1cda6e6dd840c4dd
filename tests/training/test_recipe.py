"""A recipe is one value: described, compared, and refused where it makes no sense."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from latentopt.errors import differences
from latentopt.training.corruption import Drop
from latentopt.training.losses import KL, MMD, Property
from latentopt.training.optimizers import Rates
from latentopt.training.recipe import Recipe, Schedule, described, identity
from latentopt.training.starts import FromCausalLM, NewT5


def test_a_recipe_is_json() -> None:
    recipe = Recipe(corruptions=(Drop(0.1),), properties=(Property("likes"),))
    found = described(recipe)
    assert json.loads(json.dumps(found)) == found
    assert found["corruptions"] == [{"is": "Drop", "probability": 0.1}]
    assert found["regularizer"] == {"is": "MMD", "weight": 1.0, "moments": 0.3}


def test_differences_are_named_by_their_path() -> None:
    def between(**changes: object) -> list[str]:
        return differences(identity(Recipe()), identity(replace(Recipe(), **changes)))  # type: ignore[arg-type]

    assert between() == []
    assert between(seed=3) == ["seed: 0, now 3"]
    assert between(regularizer=MMD(2.0)) == ["regularizer.weight: 1.0, now 2.0"]
    assert between(regularizer=KL()) == ["regularizer: MMD(weight=1.0, moments=0.3), now KL(weight=1.0, free_bits=0.1)"]
    assert between(eval_steps=7, patience=2, fp32=True, report_to="wandb") == []


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(TypeError, match="learning_rate"):
        Recipe(learning_rate=1e-3)  # type: ignore[call-arg]


@pytest.mark.parametrize(("batch_size", "runs"), [(10, 4), (1, 1)])
def test_a_batch_that_does_not_divide_into_its_runs_is_refused(batch_size: int, runs: int) -> None:
    with pytest.raises(ValueError, match=f"got {batch_size} texts in {runs} runs"):
        Recipe(batch_size=batch_size, runs=runs)


def test_rates_that_are_left_out_are_those_of_the_start() -> None:
    assert Recipe().rates == NewT5.rates
    assert Recipe(start=FromCausalLM("smol")).rates == FromCausalLM.rates != NewT5.rates
    assert Recipe(start=FromCausalLM("smol"), rates=Rates(0.1)).rates == Rates(0.1)


class TestSchedule:
    def test_it_rises_stays_and_falls_to_nought(self) -> None:
        schedule = Schedule(warmup_steps=10, decay=0.5)
        factors = [schedule.factor(step, 110) for step in range(111)]
        assert factors[0] == pytest.approx(0.1)
        assert factors[9:60] == [1.0] * 51
        assert factors[60:] == sorted(factors[60:], reverse=True)
        assert factors[85] == pytest.approx(0.5)
        assert factors[110] == pytest.approx(0.0)

    def test_without_decay_it_stays(self) -> None:
        assert {Schedule(0, 0.0).factor(step, 50) for step in range(50)} == {1.0}

    def test_a_decay_that_is_no_share_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"decay a share from 0 to 1, got warmup_steps=1, decay=2"):
            Schedule(1, 2)

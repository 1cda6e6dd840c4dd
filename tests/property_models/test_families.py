"""Families of heads: all that knows one asks the table for it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from latentopt.heads import Rows, fit_head, read_head, save_head, tune_head
from property_models import HeadError, LogisticHead
from property_models.base import Array, Regressor
from property_models.families import FAMILIES, Family, estimators_of


class Mean(Regressor):
    """Knows nothing but the mean of the values: the file that a new family is."""

    kind = "mean"
    search = {"shrink": (0.1, 1.0)}

    def __init__(self, *, shrink: float = 1.0, scale: str = "identity", random_state: int = 0) -> None:
        self.shrink = shrink
        self.scale = scale
        self.random_state = random_state

    def _fit_raw(self, x: Array, target: Any, outputs: int, **_: Any) -> dict[str, torch.Tensor]:
        return {"mean": torch.tensor([[self.shrink * float(np.mean(target))]], dtype=torch.float64)}

    def raw(self, z: torch.Tensor) -> torch.Tensor:
        return self._cast(z)["mean"].expand(len(z), 1)


@pytest.fixture
def rows() -> Rows:
    z = np.random.default_rng(0).normal(size=(60, 3))
    return Rows(z, [f"text {i}" for i in range(60)], z[:, 0])


def test_a_new_family_is_a_file_and_a_line(monkeypatch: pytest.MonkeyPatch, rows: Rows, tmp_path: Path) -> None:
    file = ModuleType("property_models.mean")
    file.Mean, file.LogisticHead = Mean, LogisticHead  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "property_models.mean", file)
    monkeypatch.setitem(FAMILIES, "mean", Family("the mean", "mean", "Mean", "LogisticHead"))
    fitted = fit_head(rows, family="mean", seed=3)
    assert isinstance(fitted.head, Mean)
    assert fitted.parameters == {"shrink": 1.0, "scale": "identity", "random_state": 3}
    tuned = tune_head(rows, families=["mean"], trials=2)
    assert 0.1 <= tuned.parameters["shrink"] <= 1
    save_head(fitted.head, tmp_path, name="it", space="abc")
    assert np.allclose(read_head(tmp_path, space="abc").predict(rows.z), fitted.head.predict(rows.z))


def test_an_unknown_family_is_refused_with_those_there_are(rows: Rows) -> None:
    with pytest.raises(HeadError, match="a family of heads is one of ridge, mlp, got 'forest'"):
        fit_head(rows, family="forest")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_searches_among_its_own_settings(family: str) -> None:
    for estimator in estimators_of(family):
        assert set(estimator.search) <= set(estimator().get_params())
        assert all(0 < low < high for low, high in estimator.search.values())

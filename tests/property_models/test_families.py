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
from property_models import FAMILIES, Family, HeadError, LogisticHead, Regressor
from property_models.head import Array


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
    mean = Family("mean", "the mean", "mean", "Mean", "LogisticHead")
    fitted = fit_head(rows, family=mean, seed=3)
    assert isinstance(fitted.head, Mean)
    assert fitted.head.get_params() == {"shrink": 1.0, "scale": "identity", "random_state": 3}
    tuned = tune_head(rows, families=[mean], trials=2)
    assert 0.1 <= tuned.head.get_params()["shrink"] <= 1
    monkeypatch.setattr("property_models.state.FAMILIES", (*FAMILIES, mean))
    save_head(fitted.head, tmp_path, name="it", space="abc")
    assert np.allclose(read_head(tmp_path, space="abc").predict(rows.z), fitted.head.predict(rows.z))


def test_a_family_that_has_nothing_for_classes_says_so(rows: Rows) -> None:
    classes = Rows(rows.z, rows.texts, np.where(rows.values > 0, "glad", "sad").astype(object))
    with pytest.raises(HeadError, match="the family mean is for numbers, but the values are classes; take another"):
        fit_head(classes, family=Family("mean", "the mean", "mean", "Mean", None))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_searches_among_its_own_settings(family: Family) -> None:
    for estimator in family.estimators():
        assert set(estimator.search) <= set(estimator().get_params())
        assert all(0 < low < high for low, high in estimator.search.values())

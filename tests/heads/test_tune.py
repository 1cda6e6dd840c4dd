"""The search for a head, on latents of the toy space."""

import numpy as np
import pytest

from latentopt.heads.rows import rows_of
from latentopt.heads.tune import tune_head
from tests.toy import toy_space, toy_texts

TEXTS = toy_texts(400, seed=5)
LENGTHS = [len(text) for text in TEXTS]
AUTHORS = [f"author {i % 4}" for i in range(400)]


@pytest.fixture(scope="module")
def space():
    return toy_space()


@pytest.fixture(scope="module")
def lengths(space):
    return rows_of(space, TEXTS, LENGTHS)


def test_a_search_does_at_least_as_well_as_its_first_trial(lengths):
    errors: list[float] = []
    fitted = tune_head(lengths, trials=4, scale="identity", progress=lambda done, best: errors.append(best))
    assert len(errors) == 4
    assert errors == sorted(errors, reverse=True)
    assert fitted.report["trials"] == 4
    assert fitted.report["head"]["r2"] > 0.2


@pytest.mark.parametrize(("families", "kind"), [(["ridge"], "ridge"), (["mlp"], "mlp-regressor")])
def test_a_search_keeps_to_the_families_that_are_given(lengths, families, kind):
    assert tune_head(lengths, trials=2, families=families, scale="identity").head.kind == kind


def test_a_search_without_time_has_one_trial(lengths):
    assert tune_head(lengths, trials=5, timeout=1e-9, scale="identity").report["trials"] == 1


def test_a_search_of_grouped_rows_chooses_by_what_texts_add_within_them(space):
    level = np.array([30.0 * (i % 4) for i in range(400)])
    rows = rows_of(space, TEXTS, (level + LENGTHS).tolist(), groups=AUTHORS)
    errors: list[float] = []
    fitted = tune_head(
        rows, trials=2, families=["ridge"], scale="identity", progress=lambda _, best: errors.append(best)
    )
    assert errors[-1] < 2 * np.var(LENGTHS)  # levels, of variance 1125, are no part of it
    assert fitted.report["head"]["r2"] > 0.2

"""What the design asks of the code and a reader of it cannot see from outside: protocols that say all, own draws."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import latentopt
import property_models
from property_models import families

PACKAGES = [Path(package.__file__).parent for package in (latentopt, property_models)]
HEADS = {"PropertyModel", "Regressor", "Classifier", "ClassView"} | {
    name for family in families.FAMILIES for name in (family.regressor, family.classifier) if name
}
# Files that ask an object what it is or has, with the number of times. To be mended there; nothing is added.
OFFENDERS: dict[str, int] = {}
DRAWS = {"bernoulli", "multinomial", "normal", "poisson", "rand", "rand_like", "randint", "randint_like", "randn"} | {
    "randn_like",
    "randperm",
}
DRAWS_INTO = {"bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_", "normal_", "random_", "uniform_"}
STATE = {"manual_seed", "manual_seed_all", "seed", "seed_all", "set_seed", "set_rng_state", "fork_rng", "setstate"}
NEW_WEIGHTS = {"_init_weights", "reset_parameters", "_start_nearly_sure"}  # drawn as torch draws those of its layers


@cache
def calls() -> list[tuple[str, str, ast.Call]]:
    """Each call in the packages, with its file and the name of the function that it stands in."""
    return list(_calls())


def _calls() -> Iterator[tuple[str, str, ast.Call]]:
    for root in PACKAGES:
        for file in sorted(root.rglob("*.py")):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            within = {
                node: outer.name  # the innermost, since the outer ones are walked before
                for outer in ast.walk(tree)
                if isinstance(outer, ast.FunctionDef)
                for node in ast.walk(outer)
            }
            for node in ast.walk(tree):
                if isinstance(node, ast.Call):
                    yield str(file.relative_to(root.parent)), within.get(node, ""), node


def asks_what_it_has(call: ast.Call) -> bool:
    """`hasattr(x, name)`, or `getattr(x, name, default)`."""
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    return name == "hasattr" or (name == "getattr" and len(call.args) > 2)


def asks_for_a_family(call: ast.Call) -> bool:
    """`isinstance(x, Regressor)` and the like, also among others."""
    if not (isinstance(call.func, ast.Name) and call.func.id in ("isinstance", "issubclass")):
        return False
    return bool({part.split(".")[-1] for part in _names(call.args[1])} & HEADS)


def _names(node: ast.expr) -> list[str]:
    return [ast.unparse(inner) for inner in ast.walk(node) if isinstance(inner, ast.Name | ast.Attribute)]


def touches_the_callers_generators(call: ast.Call) -> bool:
    """A draw without a generator of its own, or a change of the whole program's ones."""
    made_by = ast.unparse(call.func)
    place, _, name = made_by.rpartition(".")
    given = {keyword.arg for keyword in call.keywords}
    if name in STATE:
        return place.split(".")[0] in ("torch", "random", "np", "numpy", "") and "Generator" not in place
    if place == "random" and name != "Random":
        return True
    if place in ("np.random", "numpy.random"):
        return name != "default_rng" or not call.args
    drawn = (name in DRAWS and place == "torch") or name in DRAWS_INTO
    return drawn and "generator" not in given


def test_protocols_say_all_that_callers_use() -> None:
    found: dict[str, int] = {}
    for file, _, call in calls():
        if asks_what_it_has(call):
            found[file] = found.get(file, 0) + 1
    assert found == OFFENDERS  # where one is mended, it leaves the list


def test_the_families_of_heads_are_known_to_their_own_package_alone() -> None:
    found = {(file, ast.unparse(call)) for file, _, call in calls() if asks_for_a_family(call)}
    assert [each for each in sorted(found) if not each[0].startswith("property_models/")] == []


def test_nothing_is_drawn_from_the_callers_generators() -> None:
    # In training, the Trainer seeds torch's own generator, and keeps its state in checkpoints: it is the run's.
    found = [
        f"{file}: {ast.unparse(call)}"
        for file, function, call in calls()
        if touches_the_callers_generators(call)
        and not file.startswith("latentopt/training/")
        and not (file.startswith("latentopt/model/") and function in NEW_WEIGHTS)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("code", "is_one"),
    [
        ("torch.rand(3)", True),
        ("torch.rand(3, generator=g)", False),
        ("torch.randn_like(x)", True),
        ("x.normal_()", True),
        ("torch.manual_seed(1)", True),
        ("torch.cuda.manual_seed_all(1)", True),
        ("torch.Generator().manual_seed(1)", False),
        ("torch.random.fork_rng()", True),
        ("set_seed(0)", True),
        ("random.random()", True),
        ("random.Random(3).random()", False),
        ("np.random.rand(3)", True),
        ("np.random.default_rng()", True),
        ("np.random.default_rng(3).permutation(2)", False),
    ],
)
def test_what_is_a_draw_from_the_callers_generators(code: str, is_one: bool) -> None:
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    assert touches_the_callers_generators(call) is is_one


@pytest.mark.parametrize(
    ("code", "is_one"),
    [
        ("isinstance(head, Classifier)", True),
        ("isinstance(head, (Wish, pm.RidgeHead))", True),
        ("isinstance(head, HeadWish | base.Regressor)", True),
        ("isinstance(text, str)", False),
    ],
)
def test_what_is_a_question_for_a_family(code: str, is_one: bool) -> None:
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    assert asks_for_a_family(call) is is_one

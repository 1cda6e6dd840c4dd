"""The rooms of the house: what may import what, and what the packages offer."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import latentopt
import property_models

LEVELS = [  # a room may use those of its own level and below; from the ground floor up
    {
        "errors",
        "tables",
        "corruption",
        "regularizers",
    },
    {"model"},
    {"space", "muon"},
    {"objectives"},
    {"optimizers", "edits"},
    {"directions", "evaluation", "fitting", "heads", "optimize", "plots", "training", "transfer", "whitening"},
    {"cli"},
    {"__main__"},
]
LEVEL_OF = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}


def imports_of(package):
    """Yield (file, imported module) for every import anywhere in a package's files."""
    root = Path(package.__file__).parent
    for file in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((file.relative_to(root), name.name) for name in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}: imports are absolute"
                yield from ((file.relative_to(root), f"{node.module}.{name.name}") for name in node.names)


def rooms():
    """Yield (importing room, imported room) within latentopt; the package's own __init__ stands outside."""
    for file, module in imports_of(latentopt):
        parts = module.split(".")
        room = file.parts[0].removesuffix(".py")
        if parts[0] == "latentopt" and room != "__init__" and not (len(parts) == 2 and parts[1].startswith("__")):
            assert {room, parts[1]} <= LEVEL_OF.keys(), f"{file} imports {module}: which level of LEVELS is that?"
            yield room, parts[1]


def test_imports_go_one_way():
    assert [(a, b) for a, b in rooms() if LEVEL_OF[a] < LEVEL_OF[b]] == []


def test_rooms_do_not_import_each_other():
    used: dict[str, set[str]] = {}
    for a, b in rooms():
        if a != b:
            used.setdefault(a, set()).add(b)
    TopologicalSorter(used).prepare()  # raises CycleError, which names the circle


def test_property_models_knows_nothing_of_latentopt():
    assert {module.split(".")[0] for _, module in imports_of(property_models)}.isdisjoint({"latentopt", "transformers"})


def test_only_the_command_line_speaks_to_people():
    speaking = [
        (str(file), module) for file, module in imports_of(latentopt) if module.split(".")[0] in ("click", "rich")
    ]
    assert [file for file, _ in speaking if not file.startswith("cli")] == []


def test_nothing_is_pickled():
    for package in (latentopt, property_models):
        assert [module for _, module in imports_of(package) if module.split(".")[0] in ("joblib", "pickle")] == []


def test_every_public_name_loads():
    for name in latentopt.__all__:
        assert getattr(latentopt, name) is not None
        assert name in dir(latentopt)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'latentopt' has no attribute 'LatentSpaces'"):
        latentopt.LatentSpaces  # noqa: B018

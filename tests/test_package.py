"""The rooms of the house: what may import what, and what the packages offer."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import latentopt
import property_models

LEVELS = [  # a room may use those of its own level and below; from the ground floor up
    {"errors"},
    {"tables"},
    {"model"},
    {"space", "heads"},
    {"editing", "directions", "training", "evaluation"},
    {"cli", "web", "batch"},
    {"__main__"},
]
LEVEL_OF = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}


def imports_of(package):
    """Yield (importing module, imported name) for every import anywhere in a package's files."""
    root = Path(package.__file__).parent
    for file in sorted(root.rglob("*.py")):
        module = ".".join(file.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((module, name.name) for name in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}: imports are absolute"
                yield from ((module, f"{node.module}.{name.name}") for name in node.names)


def uses():
    """Yield (importing module, imported module) within latentopt; the package's own __init__ stands outside."""
    found = list(imports_of(latentopt))
    modules = {module for module, _ in found} | {"latentopt"}
    for module, name in found:
        if name.split(".")[0] == "latentopt" and module != "latentopt":
            imported = name if name in modules else name.rpartition(".")[0]
            assert imported in modules, f"{module} imports {name}: what is that?"
            if imported != "latentopt":
                yield module, imported


def level_of(module):
    room = module.split(".")[1]
    assert room in LEVEL_OF, f"{module}: which level of LEVELS is that?"
    return LEVEL_OF[room]


def test_imports_go_one_way():
    assert [(a, b) for a, b in uses() if level_of(a) < level_of(b)] == []


def test_files_do_not_import_each_other():
    needed: dict[str, set[str]] = {}
    for module, imported in uses():
        parts = imported.split(".")
        packages = {".".join(parts[:end]) for end in range(2, len(parts))}  # their __init__ run before
        needed.setdefault(module, set()).update(
            name for name in {imported, *packages} if not f"{module}.".startswith(f"{name}.") or name == imported
        )
    TopologicalSorter(needed).prepare()  # raises CycleError, which names the circle


def test_nothing_else_stands_at_the_top():
    files = {path.name for path in Path(latentopt.__file__).parent.glob("*.py")}
    assert files == {"__init__.py", "__main__.py", "errors.py"}


def test_property_models_knows_nothing_of_latentopt():
    assert {module.split(".")[0] for _, module in imports_of(property_models)}.isdisjoint({"latentopt", "transformers"})


def test_property_models_knows_nothing_of_text():
    for module, name in imports_of(property_models):
        assert "text" not in name.split("."), f"{module} imports {name}"


def test_who_catches_the_errors_of_latentopt_catches_those_of_heads():
    assert issubclass(property_models.HeadError, latentopt.LatentoptError)
    assert issubclass(property_models.HeadError, ValueError)  # as scikit-learn's are


def test_only_the_command_line_speaks_to_people():
    speaking = [module for module, name in imports_of(latentopt) if name.split(".")[0] in ("click", "rich")]
    assert [module for module in speaking if not module.startswith("latentopt.cli")] == []


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

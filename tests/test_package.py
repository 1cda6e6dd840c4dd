"""The rooms of the house: what may import what, and what the packages offer."""

import ast
import os
import shutil
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import latentopt
import latentopt.directions
import latentopt.editing
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
    for file in sorted([*root.rglob("*.py"), *root.rglob("*.pyi")]):  # the second say what is loaded on first use
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


LAZY = [latentopt, latentopt.directions, latentopt.editing]  # packages whose names are loaded on first use


@pytest.mark.parametrize("package", LAZY, ids=lambda package: package.__name__)
def test_every_public_name_loads(package):
    for name in package.__all__:
        assert getattr(package, name) is not None
        assert name in dir(package)


@pytest.mark.parametrize("package", LAZY, ids=lambda package: package.__name__)
def test_no_name_that_is_loaded_on_first_use_is_that_of_a_file(package):
    files = {path.stem for path in Path(package.__file__).parent.iterdir()}
    assert files & set(package.__all__) == set()  # the file would be found in its place


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'latentopt' has no attribute 'LatentSpaces'"):
        latentopt.LatentSpaces  # noqa: B018


ADDED = [  # what a room is given: a new file, and the line that names it; then what lists it
    (
        "latentopt/editing/optimizers",
        "stay.py",
        "__init__.py",
        '    "none": ',
        '    "still": lambda covariance: _file("new").Stay(),\n',
        ["optimize", "--help"],
        "still",
    ),
    (
        "latentopt/directions/miners",
        "mean.py",
        "__init__.py",
        '    "mean": ',
        '    "middle": lambda space: _file("new").Mean(),\n',
        ["direction", "--help"],
        "middle",
    ),
    (
        "property_models",
        "linear.py",
        "families.py",
        "    RIDGE := ",
        '    Family("flat", "a plane", "new", "RidgeHead", "LogisticHead"),\n',
        ["fit", "--help"],
        "flat: a plane",
    ),
]


@pytest.mark.parametrize(
    ("room", "like", "listing", "before", "line", "arguments", "said"), ADDED, ids=["optimizer", "miner", "family"]
)
def test_what_is_new_is_a_file_and_a_line(tmp_path, room, like, listing, before, line, arguments, said):
    for package in (latentopt, property_models):
        root = Path(package.__file__).parent
        shutil.copytree(root, tmp_path / root.name, ignore=shutil.ignore_patterns("pretrained", "__pycache__"))
    listed = tmp_path / room / listing
    shutil.copy(tmp_path / room / like, tmp_path / room / "new.py")
    text = listed.read_text()
    assert text.count(before) == 1
    listed.write_text(text.replace(before, line + before))
    command = [sys.executable, "-m", "latentopt", *arguments]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True)
    assert said in " ".join(done.stdout.decode().split()), done.stderr


def test_a_new_writer_is_a_file_and_a_line(tmp_path):
    """A writer is a value that TextEditor is given; the line lets it be imported from where its neighbours are."""
    root = tmp_path / "latentopt"
    shutil.copytree(Path(latentopt.__file__).parent, root, ignore=shutil.ignore_patterns("pretrained", "__pycache__"))
    (root / "editing/new.py").write_text("class Echo:\n    pass\n")
    with (root / "editing/__init__.pyi").open("a") as listing:
        listing.write("from latentopt.editing.new import Echo as Echo\n")
    program = "import latentopt.editing; print(latentopt.editing.Echo.__name__)"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True)
    assert done.stdout == b"Echo\n", done.stderr

"""The rooms of the house: what may import what, and what the packages offer."""

import ast
import json
import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from functools import cache
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


@cache
def imports_of(package):
    """(Importing module, imported name) for every import anywhere in a package's files."""
    return list(_imports_of(package))


def _imports_of(package):
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
    found = imports_of(latentopt)
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


def test_what_windows_lacks_is_imported_where_it_is_used():
    for package in (latentopt, property_models):
        for file in Path(package.__file__).parent.rglob("*.py"):
            top = {node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.Import)}
            assert {name.name for node in top for name in node.names} & {"fcntl", "pwd", "resource"} == set(), file


# Packages whose names are loaded on first use.
LAZY = [latentopt, latentopt.directions, latentopt.editing, property_models]


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


@dataclass(frozen=True)
class Added:
    """What a room is given: a new file, and a line in one other; then what uses it, and perhaps what lists it.

    like: file that the new one, new.py, is a copy of, with some words changed. listing: the other file. line: what is
    put there, and what it is put before. program: uses it. listed: a command, and what it then says.
    """

    room: str
    like: str
    changed: dict[str, str]
    listing: str
    line: tuple[str, str]
    program: str
    listed: tuple[list[str], str] | None


ADDED = {
    "optimizer": Added(
        "latentopt/editing/optimizers",
        "gradient.py",
        {},
        "__init__.py",
        ('    "steep": _in("new", "PreconditionedGradient"),\n', '    "none": '),
        """
        import torch
        from latentopt.editing.optimizers import OPTIMIZERS
        from latentopt.editing.search import search
        from tests.toy_problems import Quadratic

        made = OPTIMIZERS["steep"](torch.eye(2))
        way = search(Quadratic(torch.ones(2), torch.eye(2)), torch.zeros(3, 2), made)
        assert (way.best - 1).abs().max() < 0.01, way
        print(type(made).__module__)
        """,
        (["optimize", "--help"], "steep"),
    ),
    "miner": Added(
        "latentopt/directions/miners",
        "mean.py",
        {},
        "__init__.py",
        ('    "middle": _in("new", "Mean.for_space"),\n', '    "mean": '),
        """
        import torch
        from latentopt.directions import MINERS, Examples, Folds, consistency

        made = MINERS["middle"](None)
        source = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
        examples = Examples(source, source + torch.tensor([2.0, 0, 0]), torch.arange(20))
        fold = torch.arange(20) % 5
        assert torch.allclose(made(examples).vector, torch.tensor([2.0, 0, 0]), atol=1e-5)
        assert consistency(examples, Folds(fold, fold), miner=made, permutations=10, seed=0).right_way == 1
        print(type(made).__module__)
        """,
        (["direction", "--help"], "middle"),
    ),
    "family": Added(
        "property_models",
        "linear.py",
        {'"ridge"': '"flat"', '"logistic"': '"flat logistic"'},
        "families.py",
        ('    Family("flat", "a plane", "new", "RidgeHead", "LogisticHead"),\n', "    RIDGE := "),
        """
        import numpy as np
        from latentopt.heads import Rows, fit_head, read_head, save_head
        from property_models import FAMILIES

        (family,) = (family for family in FAMILIES if family.name == "flat")
        z = np.random.default_rng(0).normal(size=(60, 3))
        rows = Rows(z, [f"text {i % 7}" for i in range(60)], z[:, 0] * 3)
        made = fit_head(rows, family=family, parameters={"noise": 0.0}).head
        save_head(made, "saved", name="slope", space="here")
        read = read_head("saved", space="here")
        assert np.allclose(read.predict(z), rows.values, atol=0.3)
        assert type(read) is type(made)
        print(type(made).__module__)
        """,
        (["fit", "--help"], "flat: a plane"),
    ),
    "writer": Added(  # a value that TextEditor is given; the line lets it be imported from where its neighbours are
        "latentopt/editing",
        "write.py",
        {"class Rewrite:": "class Anew:"},
        "__init__.pyi",
        ("from latentopt.editing.new import Anew as Anew\n", "from latentopt.editing.write import Infill"),
        """
        from latentopt.editing import Anew, Floors, Maximize, TextEditor
        from tests import toy
        from tests.toy_problems import LinearHead

        toy.TRAINING_STEPS = 20  # what it writes need not be good
        space = toy.toy_space()
        text, wanted = toy.toy_texts(2)
        z = space.pooled(space.encode([text, wanted]))
        goal = Maximize(LinearHead(z[1] - z[0]))
        (edit,) = TextEditor(space, goal, writer=Anew(), floors=Floors(fluency=-99, meaning=-1, change=1)).edit([text])
        assert edit.candidates, edit.reason
        print(Anew.__module__)
        """,
        None,
    ),
}


ALL = """
import contextlib, io, json, traceback
from click.testing import CliRunner
from latentopt.cli import main

told = {}
for name, (program, listed) in json.loads(input()).items():
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            exec(program, {})
        told[name] = said.getvalue().strip(), listed and CliRunner().invoke(main, listed[0]).output
    except Exception:
        told[name] = traceback.format_exc(), ""
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What the programs and commands say, by name, in a copy of the packages to which all are added."""
    place = tmp_path_factory.mktemp("packages")
    for package in (latentopt, property_models):
        root = Path(package.__file__).parent
        shutil.copytree(root, place / root.name, ignore=shutil.ignore_patterns("pretrained", "__pycache__"))
    for added in ADDED.values():
        room = place / added.room
        made = (room / added.like).read_text()
        for was, now in added.changed.items():
            assert was in made
            made = made.replace(was, now)
        (room / "new.py").write_text(made)
        listing = (room / added.listing).read_text()
        line, before = added.line
        assert line.count("\n") == listing.count(before) == 1
        listing = listing.replace(before, line + before)
        (room / added.listing).write_text(listing)
    places = os.pathsep.join([str(place), str(Path(__file__).parents[1])])  # the second has tests.toy
    done = subprocess.run(
        [sys.executable, "-c", ALL],
        cwd=place,
        env={**os.environ, "PYTHONPATH": places},
        input=json.dumps({name: (textwrap.dedent(each.program), each.listed) for name, each in ADDED.items()}),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", ADDED)
def test_what_is_new_is_a_file_and_a_line_in_one_other(told, name):
    added = ADDED[name]
    made_in, listed = told[name]
    assert made_in == f"{added.room}/new".replace("/", ".")
    if added.listed is not None:
        assert added.listed[1] in " ".join(listed.split())

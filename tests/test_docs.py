"""docs/: built without a warning or a network; its commands and programs run; its schemas are what the verbs print."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

import latentopt as lo
from latentopt.cli import VERBS, main
from tests import snippets
from tests.stand_ins import stand_ins
from tests.toy import toy_space, toy_texts

DOCS = snippets.REPOSITORY / "docs"


def _file(page: str) -> Path:
    return DOCS / f"{page}.md"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pages."""
    pytest.importorskip("furo")
    out = tmp_path_factory.mktemp("docs")
    nowhere = {f"{kind}_proxy": "http://127.0.0.1:9" for kind in ("http", "https")}
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", str(DOCS), str(out)],
        env={**os.environ, **nowhere, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return out


def test_pages_fetch_nothing_from_other_hosts(pages: Path) -> None:
    assert (pages / "index.html").exists()
    for page in pages.rglob("*.html"):
        fetched = re.findall(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="(https?:[^"]*)"', page.read_text())
        assert fetched == [], page
    for sheet in pages.rglob("*.css"):
        assert re.findall(r"url\(['\"]?https?:", sheet.read_text()) == [], sheet


def test_every_verb_has_its_options_there(pages: Path) -> None:
    said = (pages / "reference/commands.html").read_text()
    for verb in VERBS:
        command = main.get_command(None, verb)  # type: ignore[arg-type]
        assert command is not None
        for parameter in command.params:
            assert parameter.param_type_name == "argument" or parameter.opts[-1] in said, f"{verb}: {parameter.opts}"


# Commands and programs, as they stand on the pages. Each page has a folder of its own, with the examples.

PAGES = sorted(path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md"))
BLOCKS = [(page, snippets.commands(block)) for page in PAGES for block in snippets.blocks(_file(page), "sh")]
SHELL = [(page, lines) for page, lines in BLOCKS if lines]
# A block may need what an earlier one of its page has made: behind a slow one, all are slow.
BEFORE = [[line for page, lines in SHELL[: i + 1] if page == SHELL[i][0] for line in lines] for i in range(len(SHELL))]
PROGRAMS = [(page, program) for page in PAGES for program in snippets.blocks(_file(page), "python")]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return snippets.environment(tmp_path_factory.mktemp("bin"))


@pytest.fixture(scope="module")
def desk_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The folder of a page, in which its commands run one after the other; one with few posts, and one with all."""

    @cache
    def made(page: str, *, few: bool) -> Path:
        desk = shutil.copytree(snippets.REPOSITORY / "examples", tmp_path_factory.mktemp("reader") / "examples")
        if any("train" in line for lines in snippets.blocks(_file(page), "sh") for line in lines.splitlines()):
            stand_ins(desk)
        if few:
            pd.read_csv(desk / "posts.csv").head(12).to_csv(desk / "posts.csv", index=False)
        return desk

    return made


CASES = [pytest.param(page, lines, id=f"{page}: {lines[0][:50]}") for page, lines in SHELL]


@pytest.mark.parametrize(
    ("page", "lines"), [case for case, before in zip(CASES, BEFORE, strict=True) if not snippets.slow(before)]
)
def test_the_commands_of_a_block_work_with_little_effort(
    page: str, lines: list[str], desk_of: Callable[..., Path], environment: dict[str, str]
) -> None:
    snippets.type_commands(list(map(snippets.with_little_effort, lines)), desk_of(page, few=True), environment)


@pytest.mark.slow
@pytest.mark.parametrize(("page", "lines"), CASES)
def test_the_commands_of_a_block_work(
    page: str, lines: list[str], desk_of: Callable[..., Path], environment: dict[str, str]
) -> None:
    snippets.type_commands(lines, desk_of(page, few=False), environment)


@pytest.mark.slow
@pytest.mark.parametrize(("page", "program"), [pytest.param(*case, id=case[0]) for case in PROGRAMS])
def test_the_programs_work(page: str, program: str, desk_of: Callable[..., Path], environment: dict[str, str]) -> None:
    assert snippets.run_program(program, desk_of(page, few=False), environment).strip()


def test_every_page_is_listed_and_every_block_has_a_language() -> None:
    """A block without one, or of another than these, would be run by no test."""
    known = ("sh", "python", "text", "{toctree}", "{figure}", "{include}", "{eval-rst}", "{schema-table}")
    for page in PAGES:
        fences = re.findall(r"^```(\S*)", _file(page).read_text(), flags=re.MULTILINE)
        assert set(fences[::2]) <= set(known), page
        assert set(fences[1::2]) <= {""}, page


def test_every_everyday_name_is_listed_with_its_room() -> None:
    listed = re.findall(r"`(\w+)`", (DOCS / "reference/api/index.md").read_text().partition("|---")[2])
    assert sorted(listed) == sorted(set(lo.__all__) - {"__version__"})


def test_every_verb_is_run_somewhere() -> None:
    verbs = {verb for _, lines in SHELL for line in lines for verb in re.findall(r"latentopt ([a-z-]+)", line)}
    assert verbs >= set(VERBS) - {"app"}  # which serves until it is stopped: tests/web opens its page
    assert PROGRAMS


# What the verbs print, by the schema that says so.


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Documents of every verb that has --json, with what its options add, by their schema."""
    folder = tmp_path_factory.mktemp("documents")
    toy_space().save_pretrained(folder / "toy")
    texts = toy_texts(400, seed=3)
    likes = [10 * len(text) + i % 7 for i, text in enumerate(texts)]
    frame = {"text": texts, "likes": likes, "account": [f"a{i % 3}" for i in range(len(texts))]}
    frame["tone"] = ["glad" if "love" in text or "paint" in text else "sad" for text in texts]
    pd.DataFrame(frame).to_csv(folder / "posts.csv")
    pairs = {"source": texts[:40], "target": [text.replace("warm", "green") + " now" for text in texts[:40]]}
    pd.DataFrame(pairs).to_csv(folder / "pairs.csv")
    marked = {"first": texts[:30], "second": texts[30:60], "more": ["first", "second"] * 15}
    pd.DataFrame(marked).to_csv(folder / "marked.csv")

    def run(*words: object) -> dict[str, Any]:
        verb, *rest = map(str, words)
        done = CliRunner().invoke(main, [verb, "--model", "toy", "--json", *rest])
        assert done.exit_code == 0, f"{words}\n{done.output}\n{done.exception!r}"
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    before = Path.cwd()
    os.chdir(folder)
    try:
        encoded = run("encode", *texts[:2])
        Path("z.jsonl").write_text("\n".join(map(json.dumps, encoded["latents"])))
        fit = ("posts.csv", "--value")
        return {
            "encode": [encoded],
            "decode": [run("decode", "z.jsonl")],
            "interpolate": [run("interpolate", *texts[:2])],
            "sample": [run("sample")],
            "fit": [
                run("fit", "likes", *fit, "likes", "--group", "account"),
                run("fit", "tone", *fit, "tone"),
                run("tune", "tuned", *fit, "likes", "--trials", 10, "--family", "ridge"),
            ],
            "predict": [run("predict", "likes,tone", texts[0])],
            "evaluate-head": [run("evaluate-head", "likes", "marked.csv", "--more", "more")],
            "direction": [
                run("direction", "--pairs", "pairs.csv", "--name", "now", *FEW),
                run("direction", "--labels", "posts.csv", "--label", "tone", *FEW),
                run("direction", "--discover", "posts.csv", "--components", 2),
            ],
            "directions": [
                run("directions", "list"),
                run("directions", "show", "now"),
                run("directions", "compare", "now", "posts"),
            ],
            "edits": [
                run("optimize", "--head", "likes", "--maximize", "likes", "--explain", *LOOSE, *texts[:3]),
                run("apply", "now", *LOOSE, texts[5]),
                run("apply", "now", "--strength", "auto", *LOOSE, texts[5]),
            ],
            "evaluate": [
                run("evaluate", "--invert", "--checker", "ast:parse", "--samples", 20, "--pairs", 2, *texts[:20])
            ],
        }
    finally:
        os.chdir(before)


FEW = ("--calibrate", 1, "--effort", 0.2)
LOOSE = ("--min-fluency", "-9", "--min-meaning", "-1", "--change", "1", "--effort", "0.5")  # a toy writes what it can
SCHEMAS = sorted(path.name.removesuffix(".schema.json") for path in (DOCS / "schemas").iterdir())


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DOCS / "schemas" / f"{name}.schema.json").read_text())
    return found


def closed(part: Any) -> Any:
    """A schema in which no key is allowed that it does not name: for users new keys may come, here none unnoticed."""
    if isinstance(part, list):
        return [closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    inner = {key: closed(value) for key, value in part.items()}
    if part.get("type") == "object" and isinstance(part.get("properties"), dict):
        inner.setdefault("additionalProperties", False)
    return inner


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_verbs_print_is_what_the_schema_says(name: str, documents: dict[str, list[dict[str, Any]]]) -> None:
    Draft202012Validator.check_schema(schema(name))
    for document in documents[name]:
        Draft202012Validator(closed(schema(name))).validate(document)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_optional_key_is_printed_by_some_call(name: str, documents: dict[str, list[dict[str, Any]]]) -> None:
    printed = set(re.findall(r'"(\w+)": ', json.dumps(documents[name])))
    assert {row[0].split(".")[-1].removesuffix("[]") for row in _rows(name)} - printed - {"NAME"} == set()


def _rows(name: str) -> list[tuple[str, str, str]]:
    sys.path.insert(0, str(DOCS / "extensions"))
    try:
        from schema_table import rows_of
    finally:
        sys.path.pop(0)
    return list(rows_of(schema(name)))


def _prints_json(verb: str) -> bool:
    command = main.get_command(None, verb)  # type: ignore[arg-type]
    return command is not None and any("--json" in parameter.opts for parameter in command.params)


PRINT_JSON = [verb for verb in VERBS if _prints_json(verb)]


def test_every_json_has_a_schema_and_a_table() -> None:
    page = (DOCS / "reference/json.md").read_text()
    assert [verb for verb in PRINT_JSON if f"`{verb}`" not in page] == []
    assert sorted(re.findall(r"^```\{schema-table\} (\S+)$", page, flags=re.MULTILINE)) == SCHEMAS


@pytest.mark.parametrize("verb", PRINT_JSON)
def test_the_help_says_the_version_of_the_document(verb: str) -> None:
    sections = (DOCS / "reference/json.md").read_text().split("\n## ")
    (section,) = [section for section in sections if f"`{verb}`" in section.splitlines()[0]]
    names = re.findall(r"^```\{schema-table\} (\S+)$", section, flags=re.MULTILINE)
    said = re.findall(r'"version": (\d+)', " ".join(CliRunner().invoke(main, [verb, "--help"]).output.split()))
    assert {int(version) for version in said} == {schema(name)["properties"]["version"]["const"] for name in names}


def test_every_key_says_what_it_is() -> None:
    assert [(name, key) for name in SCHEMAS for key, _, what in _rows(name) if not what] == []

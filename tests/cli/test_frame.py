import json
import subprocess
import sys
import warnings

import click
import pytest
from click.testing import CliRunner

import latentopt
from latentopt.cli import VERBS, main
from latentopt.errors import LatentoptError, TruncationWarning

HEAVY = ("accelerate", "numpy", "optuna", "pandas", "pyarrow", "sklearn", "torch", "transformers", "wandb")


def run(*arguments, **options):
    command = [sys.executable, "-m", "latentopt", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def loaded_after(*statements):
    """Return which heavy modules a fresh interpreter has loaded after statements that may exit, by the first such."""
    code = f"""
import json, sys
loaded = {{}}
for statement in {statements!r}:
    try:
        exec(statement)
    except SystemExit:
        pass
    for name in {HEAVY!r}:
        if name in sys.modules:
            loaded.setdefault(name, statement)
print(json.dumps(loaded))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def failing(monkeypatch):
    """Return a function that makes `latentopt sample` do something and gives the result of the command."""

    def run_verb(action):
        command = click.Command("sample", callback=action)
        monkeypatch.setattr("latentopt.cli.sample.sample", command)
        return CliRunner().invoke(main, ["sample"])

    return run_verb


def test_import_loads_nothing_heavy():
    assert loaded_after("import latentopt; latentopt.__version__; dir(latentopt); latentopt.LatentoptError") == {}


def test_help_and_wrong_usage_load_nothing_heavy():
    wrong = ["encode", "--threads", "2", "--batch-size", "0"]
    asked = [["--help"], ["--version"], [], wrong, *([verb, "--help"] for verb in VERBS)]
    assert loaded_after("from latentopt.cli import main", *(f"main({arguments!r})" for arguments in asked)) == {}


def test_help_names_every_verb_in_its_own_words():
    output = CliRunner().invoke(main, ["--help"]).output
    for verb in VERBS:
        line = next(line for line in output.splitlines() if line.strip().startswith(f"{verb} "))
        assert len(line.split()) > 3


def test_version():
    assert CliRunner().invoke(main, ["--version"]).output == f"latentopt {latentopt.__version__}\n"


def test_unknown_verbs_and_options_are_wrong_usage():
    for arguments in (
        ["optimise"],
        ["sample", "--colour", "red"],
        ["sample", "--count", "some"],
        ["sample", "-n", "0"],
    ):
        result = CliRunner().invoke(main, arguments)
        assert (result.exit_code, result.stdout) == (2, "")


def test_errors_for_a_person_are_one_line(failing):
    def fail():
        raise LatentoptError("the rule; what to do next")

    result = failing(fail)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "error: the rule; what to do next\n")


def test_errors_of_heads_are_one_line(failing):
    def fail():
        from property_models import HeadError

        raise HeadError("fitted on another space; fit it again")

    result = failing(fail)
    assert (result.exit_code, result.stderr) == (1, "error: fitted on another space; fit it again\n")


def test_errors_of_the_file_system_name_the_file(failing, tmp_path):
    result = failing(lambda: (tmp_path / "there" / "is.none").open())
    assert (result.exit_code, result.stderr) == (1, f"error: {tmp_path}/there/is.none: No such file or directory\n")


def test_bugs_keep_their_traceback(failing):
    result = failing(lambda: [][0])
    assert isinstance(result.exception, IndexError)


def test_interruption_exits_with_130(failing):
    def interrupt():
        raise KeyboardInterrupt

    result = failing(interrupt)
    assert (result.exit_code, result.stdout) == (130, "")


def test_warnings_are_one_line_each_time_and_those_for_programmers_are_silent(failing):
    def warn():
        for _ in range(2):
            warnings.warn("cut at 64 tokens", TruncationWarning, stacklevel=2)
        warnings.warn("something else", UserWarning, stacklevel=2)
        warnings.warn("use the new name", FutureWarning, stacklevel=2)
        warnings.warn("use the new name", DeprecationWarning, stacklevel=2)

    before = (warnings.showwarning, list(warnings.filters))
    result = failing(warn)
    assert result.stderr == "warning: cut at 64 tokens\n" * 2 + "warning: something else\n"
    assert (result.exit_code, result.stdout) == (0, "")
    assert (warnings.showwarning, list(warnings.filters)) == before


def test_a_reader_that_has_seen_enough_ends_it_quietly():
    code = """
import click, latentopt.cli.sample as sample
from latentopt.cli import main
from latentopt.cli.output import print_lines
sample.sample = click.Command("sample", callback=lambda: print_lines("spam" for _ in range(100_000)))
main(["sample"])
"""
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert writer.stdout is not None and writer.stderr is not None
    assert writer.stdout.readline() == b"spam\n"
    writer.stdout.close()
    assert writer.stderr.read() == b""
    writer.wait(timeout=60)
    writer.stderr.close()

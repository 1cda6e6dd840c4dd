"""`latentopt app`: options, and what is said where it cannot serve."""

import socket
from threading import current_thread

import pytest
from click.testing import CliRunner

from latentopt.cli import main, options
from latentopt.cli.app import app


def test_there_is_no_share():
    assert not [name for option in app.params for name in option.opts if "share" in name]
    assert CliRunner().invoke(main, ["app", "--share"]).exit_code == 2


def test_it_listens_on_this_machine_unless_told():
    (host,) = [option for option in app.params if option.name == "host"]
    assert host.default == "127.0.0.1"


def test_without_gradio_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("latentopt.cli.app.find_spec", lambda name: None)
    result = CliRunner().invoke(main, ["app"])
    assert result.exit_code == 1
    assert "pip install 'latentopt[app]'" in result.stderr


def test_a_port_that_is_taken_is_an_error(cli):
    pytest.importorskip("gradio")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = cli("app", "--port", taken.getsockname()[1])
    assert result.exit_code == 1
    assert "choose another with --port" in result.stderr


def test_a_corpus_is_read_before_the_model(tmp_path):
    pytest.importorskip("gradio")
    file = tmp_path / "two.txt"
    file.write_text("one\ntwo\n")
    result = CliRunner().invoke(main, ["app", "--corpus", str(file)])
    assert result.exit_code == 1
    assert "a map shows 3 to 2,000 texts, got 2" in result.stderr


def test_the_model_is_opened_in_the_thread_that_works_and_ctrl_c_ends_it(cli, monkeypatch):
    """From another thread, matrix products wait for helpers that sleep (experiments/web)."""
    pytest.importorskip("gradio")
    seen, open_space = [], options.open_space

    def seen_space(name):
        seen.append(current_thread())
        return open_space(name)

    def interrupted(line):
        seen.append(current_thread())
        raise KeyboardInterrupt

    monkeypatch.setattr(options, "open_space", seen_space)
    monkeypatch.setattr("latentopt.web.line.Line.run", interrupted)
    result = cli("app")
    assert result.exit_code == 130
    assert "the page is at http://127.0.0.1:" in result.stderr
    opened, works = seen
    assert opened is works

import pandas
import pytest
import wandb

from latentopt.heads import read_head
from tests.toy import toy_texts


@pytest.fixture
def posts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where trials are kept
    texts = toy_texts(120, seed=7)
    frame = pandas.DataFrame({"text": texts, "length": [len(text) for text in texts], "author": [0, 1, 2] * 40})
    frame.to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def test_the_best_of_the_trials_is_saved(cli_json, posts, tmp_path):
    document = cli_json("tune", "length", posts, "--value", "length", "--trials", "3", "--output", tmp_path / "length")
    assert document["report"]["trials"] == 3
    head = read_head(tmp_path / "length", space=None)
    assert head.kind == document["head"]["kind"]
    assert head.get_params() == document["head"]["parameters"]


def test_people_see_what_was_chosen_and_what_to_do_next(cli, posts, tmp_path):
    head = tmp_path / "length"
    options = "--group", "author", "--typical", "40", "--family", "ridge", "--trials", "2"
    result = cli("tune", "length", posts, "--value", "length", *options, "--output", head)
    assert result.exit_code == 0, result.stderr
    assert "length: ridge, measured on 24 rows that it has not seen" in result.stdout
    assert "Predicts for a group (an account, a test) whose texts typically get 40;" in result.stdout
    assert "Best of 2 trials: alpha=" in result.stdout
    assert f"next: latentopt optimize --head {head} --target length=" in result.stderr


def test_a_typical_value_needs_a_group(cli, posts, tmp_path):
    result = cli("tune", "length", posts, "--value", "length", "--typical", "40", "--output", tmp_path / "length")
    assert result.exit_code == 2
    assert "--typical says which group to predict for; it needs --group COLUMN" in result.stderr


def test_one_trial_at_least_is_needed(cli, posts, tmp_path):
    result = cli("tune", "length", posts, "--value", "length", "--trials", "0", "--output", tmp_path / "length")
    assert result.exit_code == 2
    assert "'--trials'" in result.stderr


def test_time_that_is_up_ends_the_search_after_its_first_trial(cli_json, posts, tmp_path):
    words = "tune", "length", posts, "--value", "length", "--trials", "500", "--timeout", "1e-9"
    assert cli_json(*words, "--output", tmp_path / "length")["report"]["trials"] == 1


def test_ctrl_c_saves_the_best_so_far_and_says_what_goes_on(cli, posts, tmp_path, monkeypatch):
    def pressed(status, _):
        raise KeyboardInterrupt

    words = "tune", "length", posts, "--value", "length", "--family", "ridge", "--trials", "3"
    with monkeypatch.context() as patch:
        patch.setattr("rich.status.Status.update", pressed)
        result = cli(*words)
    assert result.exit_code == 130
    last = result.stderr.splitlines()[-1]
    assert last == (
        "warning: interrupted after 1 trials; the best so far is saved, and the same command with --force goes on"
    )
    assert cli(*words).exit_code == 2
    assert "Best of 3 trials" in cli(*words, "--force").stdout


def test_trials_are_reported_to_wandb_without_a_network(cli_json, posts, tmp_path, wandb_offline):
    options = "--family", "ridge", "--trials", "2", "--report-to", "wandb"
    cli_json("tune", "length", posts, "--value", "length", *options, "--output", tmp_path / "length")
    (run,) = wandb_offline.glob("offline-run-*/*.wandb")
    logged = run.read_bytes()
    for name in (b"best error", b"alpha", b"noise"):
        assert name in logged


def test_a_tracker_that_refuses_says_what_helps(cli, posts, tmp_path, monkeypatch):
    def refused(**_):
        raise wandb.Error("no API key\nand much more")

    monkeypatch.setattr(wandb, "init", refused)
    options = "--trials", "2", "--report-to", "wandb"
    result = cli("tune", "length", posts, "--value", "length", *options, "--output", tmp_path / "length")
    assert result.exit_code == 1
    assert "error: wandb: no API key; log in with `wandb login`, or set WANDB_MODE=offline" in result.stderr
    assert not (tmp_path / "length").exists()

"""Verbs on many rows: what `--output` holds, what stops them, and how they go on."""

import csv
import json
import re

import numpy as np
import pandas as pd
import pytest
import torch

from latentopt import batch
from latentopt.batch import Encode, part_of
from latentopt.batch.work import ENDS
from latentopt.cli import streaming
from latentopt.directions import Direction
from latentopt.editing import TextEditor
from latentopt.errors import LatentoptError
from latentopt.heads import save_head
from property_models import LogisticHead, RidgeHead
from tests.toy import toy_space, toy_texts

TEXTS = toy_texts(10, seed=4)
FLOORS = ["--min-fluency", "-3", "--min-meaning", "-1", "--change", "1", "--effort", "0.3"]  # the toy knows little


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    folder = tmp_path_factory.mktemp("heads")
    space = toy_space()
    texts = toy_texts(300)
    z = space.pooled(space.encode(texts)).numpy()
    likes = np.round(np.exp(4 + z[:, 0]))
    save_head(RidgeHead(scale="log1p").fit(z, likes), folder / "likes", name="likes", space=space.fingerprint)
    tone = LogisticHead().fit(z, np.where(z[:, 1] > z[:, 1].mean(), "warm", "cold"))
    save_head(tone, folder / "tone", name="tone", space=space.fingerprint)
    return folder


@pytest.fixture
def posts(tmp_path):
    path = tmp_path / "posts.csv"
    with path.open("w", newline="") as file:
        rows = [[i, text, f"0.0{i}K", ["warm", "cold"][i % 2]] for i, text in enumerate(TEXTS)]
        csv.writer(file).writerows([["id", "text", "goal", "mood"], *rows, [99, "", "", ""]])
    return path


@pytest.fixture
def interrupted(monkeypatch):
    """Ctrl-C after so many chunks."""

    def after(chunks):
        compute = Encode.compute
        left = iter(range(chunks))

        def interrupt(self, rows):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return compute(self, rows)

        monkeypatch.setattr(Encode, "compute", interrupt)

    yield after
    monkeypatch.undo()


def test_latents_stand_beside_the_columns_of_the_input(cli, posts, tmp_path):
    result = cli("encode", "--input", posts, "--output", tmp_path / "z.parquet")
    assert result.exit_code == 0
    assert result.stderr == (f"warning: {posts}, row 12: text is empty\nwrote 11 rows to {tmp_path / 'z.parquet'}\n")
    frame = pd.read_parquet(tmp_path / "z.parquet")
    assert list(frame) == ["row", "text", "id", "goal", "mood", "z", "error"]
    assert frame["id"].tolist() == [*map(str, range(10)), "99"]
    np.testing.assert_allclose(np.stack(frame["z"][:10].tolist()), toy_space().encode(TEXTS), atol=1e-5)
    assert frame["z"][10] is None
    back = cli("decode", tmp_path / "z.parquet", "--output", tmp_path / "back.csv")
    assert f"warning: {tmp_path / 'z.parquet'}, row 11: z has no value" in back.stderr
    frame = pd.read_csv(tmp_path / "back.csv")
    assert list(frame) == ["row", "row_input", "text_input", "id", "goal", "mood", "error_input", "text", "error"]
    assert frame["text"].tolist()[:10] == toy_space().decode(toy_space().encode(TEXTS))


def test_ctrl_c_says_how_to_go_on(cli, posts, tmp_path, interrupted, monkeypatch):
    whole, output = tmp_path / "whole.jsonl", tmp_path / "z.jsonl"
    monkeypatch.setattr("latentopt.cli.encode.CHUNK", 1)
    words = ["encode", "--input", posts, "--batch-size", 4]
    cli(*words, "--output", whole)
    interrupted(2)
    result = cli(*words, "--output", output)
    kept = f"8 rows are kept in {part_of(output)}; the same command with --resume goes on"
    assert (result.exit_code, result.stderr) == (130, f"interrupted: {kept}\n")
    assert not output.exists()
    again = cli(*words, "--output", output)
    assert (again.exit_code, again.stderr.count("\n")) == (1, 1)
    assert "--resume goes on with it, or remove it to begin anew" in again.stderr
    other = cli("encode", "--input", posts, "--batch-size", 4, "--column", "mood", "--output", output, "--resume")
    assert (other.exit_code, other.stderr.count("\n")) == (1, 1)
    assert "is of another run: settings.column:" in other.stderr
    monkeypatch.undo()
    monkeypatch.setattr("latentopt.cli.encode.CHUNK", 1)
    result = cli(*words, "--output", output, "--resume")
    assert result.stderr.endswith(f"wrote 11 rows to {output}, 8 of them before\n")
    assert output.read_bytes() == whole.read_bytes()
    assert cli(*words, "--output", output, "--resume").stderr == f"{output} is finished; nothing to do\n"


def test_a_model_or_a_head_that_changed_is_noticed(cli, heads, posts, tmp_path, monkeypatch):
    words = ["predict", heads / "likes", "--input", posts, "--output", tmp_path / "p.csv", "--resume"]
    assert cli(*words).exit_code == 0
    assert "nothing to do" in cli(*words).stderr
    report = heads / "likes" / "head.json"
    before = report.read_bytes()
    report.write_bytes(before + b"\n")
    result = cli(*words)
    report.write_bytes(before)
    assert result.exit_code == 1
    assert "settings.files." in result.stderr


def test_edits_have_a_row_for_each_candidate_or_the_best(cli, heads, posts, tmp_path):
    posts.write_text("".join(line for line in posts.open() if not line.startswith(("4", "5", "6", "7", "8", "9,"))))
    words = ["optimize", "--head", heads / "likes", "--target", "likes=90", *FLOORS, "--input", posts]
    edits = json.loads(cli(*words, "--json").stdout)["edits"]
    assert any(edit["candidates"] for edit in edits)
    assert cli(*words, "--output", tmp_path / "e.csv").exit_code == 0
    frame = pd.read_csv(tmp_path / "e.csv")
    candidates = [candidate for edit in edits for candidate in edit["candidates"] or [{"text": edit["source"]}]]
    good = frame[frame["error"].isna()]
    assert good["text"].tolist() == [candidate["text"] for candidate in candidates]
    assert good["likes"].dropna().tolist() == pytest.approx(
        [candidate["realised"]["likes"]["value"] for candidate in candidates if "realised" in candidate]
    )
    assert {"row", "source", "id", "goal", "candidate", "status", "likes_low", "meaning", "fluency"} <= set(frame)
    assert frame["error"].tolist()[-1] == "text is empty"
    cli(*words, "--output", tmp_path / "best.jsonl", "--best")
    best = [json.loads(line) for line in (tmp_path / "best.jsonl").read_text().splitlines()]
    assert [row["id"] for row in best] == [*map(str, range(4)), "99"]
    firsts = [(edit["candidates"] or [{"text": edit["source"]}])[0]["text"] for edit in edits]
    assert [row["text"] for row in best[:-1]] == firsts
    said = cli(*words, "--output", tmp_path / "best.txt").stderr
    assert said.endswith(f"wrote 4 rows to {tmp_path / 'best.txt'}\n")
    assert (tmp_path / "best.txt").read_text().splitlines() == firsts


def test_a_wish_may_stand_in_a_column(cli, heads, posts, tmp_path):
    words = ["optimize", "--head", heads / "likes", "--head", heads / "tone", "--target", "likes=@goal"]
    words += ["--target", "tone=@mood", *FLOORS, "--input", posts, "--best"]
    result = cli(*words, "--output", tmp_path / "e.jsonl")
    assert result.exit_code == 0, result.stderr
    rows = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    assert [row["goal"] for row in rows[:3]] == ["0.00K", "0.01K", "0.02K"]
    one = ["--target", "likes=30", "--target", "tone=cold", *FLOORS, "--json", TEXTS[3]]
    (edit,) = json.loads(cli("optimize", "--head", heads / "likes", "--head", heads / "tone", *one).stdout)["edits"]
    assert rows[3]["text"] == (edit["candidates"] or [{"text": edit["source"]}])[0]["text"]
    assert rows[3]["likes_before"] == pytest.approx(edit["predicted"]["likes"]["value"])
    wrong = cli(*words, "--output", tmp_path / "e.csv", "--minimize", "likes", "--at-least", "tone=@wish")
    assert wrong.exit_code == 1
    assert "there is no column 'wish'; the file has 'id', 'text', 'goal', 'mood'" in wrong.stderr


def test_where_rows_are_worked_on_and_which_is_as_was_said(cli, heads, posts, tmp_path, monkeypatch):
    seen = []

    def run(make, source, output, **options):
        seen.append((source.shard, options["resume"], options["engine"]))
        raise LatentoptError("it was only looked at")

    monkeypatch.setattr(batch, "run", run)
    words = ["optimize", "--head", heads / "likes", "--target", "likes=90", "--input", posts]
    words += ["--output", tmp_path / "e.csv"]
    for more in ([], ["--shard", "2/3", "--resume", "--engine", "ray", "--workers", 5], ["--engine", "ray"]):
        assert "it was only looked at" in cli(*words, *more).stderr
    (here, far, usual) = seen
    assert here == ((1, 1), False, batch.in_this_process)
    assert (*far[:2], type(far[2]), far[2].workers) == ((2, 3), True, batch.OnRay, 5)
    assert usual[2].workers == 2


def test_a_column_of_the_name_of_what_is_wished_for_stays_beside_the_results(cli, heads, tmp_path):
    (tmp_path / "in.csv").write_text(f"text,likes,likes_before\n{TEXTS[0]},50,12\n")
    words = ["optimize", "--head", heads / "likes", "--target", "likes=@likes", *FLOORS, "--best"]
    result = cli(*words, "--input", tmp_path / "in.csv", "--output", tmp_path / "e.jsonl")
    assert result.exit_code == 0, result.stderr
    (row,) = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    assert (row["likes_input"], row["likes_before_input"]) == ("50", "12")
    assert row["likes_before"] != "12"
    unknown = cli(*words[:3], "--target", "fame=@likes", "--input", tmp_path / "in.csv", "--output", tmp_path / "f.csv")
    assert (unknown.exit_code, "fame: there is no such property" in unknown.stderr) == (2, True)


def test_two_wishes_of_each_row_s_own_for_one_property_have_the_same_columns_in_all_rows(cli, heads, tmp_path):
    (tmp_path / "in.csv").write_text(
        f"text,low,high,mood,other\n{TEXTS[0]},20,90,warm,cold\n{TEXTS[1]},30,80,cold,cold\n"
    )
    words = ["optimize", "--head", heads / "likes", "--head", heads / "tone", "--at-least", "likes=@low"]
    words += ["--at-most", "likes=@high", *FLOORS, "--input", tmp_path / "in.csv", "--best", "--output"]
    assert (result := cli(*words, tmp_path / "e.csv")).exit_code == 0, result.stderr
    frame = pd.read_csv(tmp_path / "e.csv")
    columns = ["likes at least its own value", "likes at most its own value"]
    before = [f"{column}_before" for column in columns]
    assert [name for name in frame if name.startswith("likes")] == [
        f"{column}{end}" for column in columns for end in ("", *ENDS)
    ]
    assert (len(frame), frame["error"].isna().all(), frame[before].notna().all(axis=None)) == (2, True, True)
    # A class and a number for the same property: what either row may be called is a column of both.
    more = ["--target", "tone=@mood", "--at-most", "tone=0.99"]
    assert (result := cli(*words, tmp_path / "e.jsonl", *more)).exit_code == 0, result.stderr
    warm, cold = (json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines())
    assert list(warm) == list(cold)
    asked = ["tone=cold", "tone=warm", "tone=warm at least 0.9", "tone=warm at most 0.99"]
    assert [warm[f"{name}_before"] is not None for name in asked] == [False, False, True, True]
    assert [cold[f"{name}_before"] is not None for name in asked] == [True, True, False, False]
    # Two columns may name the same class: an error of that row.
    more = ["--target", "tone=@mood", "--at-least", "tone=@other"]
    assert (result := cli(*words, tmp_path / "g.jsonl", *more)).exit_code == 0, result.stderr
    sound, refused = (json.loads(line)["error"] for line in (tmp_path / "g.jsonl").read_text().splitlines())
    assert (sound, "one AtLeast for a property, but tone=cold has two" in refused) == (None, True)
    twice = cli(*words, tmp_path / "f.csv", "--at-least", "likes=@high")
    assert (twice.exit_code, "a goal has one AtLeast for a property, but likes has two" in twice.stderr) == (2, True)


def test_a_row_without_its_wish_is_an_error_of_this_row(cli, heads, tmp_path):
    (tmp_path / "in.jsonl").write_text(
        json.dumps({"text": TEXTS[0], "goal": 50}) + "\n" + json.dumps({"text": TEXTS[1], "goal": "much"}) + "\n"
    )
    words = ["optimize", "--head", heads / "likes", "--target", "likes=@goal", *FLOORS]
    words += ["--input", tmp_path / "in.jsonl"]
    assert cli(*words, "--output", tmp_path / "e.jsonl").exit_code == 0
    rows = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    assert [row["error"] for row in rows if row["row"] == 1] == [None] * (len(rows) - 1)
    assert rows[-1]["error"] == "--target likes=much: the value must be a number; try likes=1000"


def test_rows_beside_one_without_its_wish_are_edited_once_and_one_warning_is_for_all(cli, heads, tmp_path, monkeypatch):
    edited, edit = [], TextEditor.edit

    def counted(self, texts, **options):
        edited.extend(texts)
        return edit(self, texts, **options)

    monkeypatch.setattr(TextEditor, "edit", counted)
    (tmp_path / "in.csv").write_text(f"text,goal\n{TEXTS[0]},90000\n{TEXTS[1]},much\n{TEXTS[2]},80000\n")
    words = ["optimize", "--head", heads / "likes", "--target", "likes=@goal", *FLOORS]
    result = cli(*words, "--input", tmp_path / "in.csv", "--output", tmp_path / "e.jsonl")
    assert (result.exit_code, edited) == (0, [TEXTS[0], TEXTS[2]])
    assert re.findall("likes=.*: almost all that the head has seen", result.stderr) == [
        "likes=90000: almost all that the head has seen"
    ]


def test_shards_are_parts_of_the_whole(cli, posts, tmp_path):
    cli("encode", "--input", posts, "--output", tmp_path / "whole.jsonl")
    for i in (1, 2):
        assert cli("encode", "--input", posts, "--output", tmp_path / f"{i}.jsonl", "--shard", f"{i}/2").exit_code == 0
    rows = {name: pd.read_json(tmp_path / f"{name}.jsonl", lines=True) for name in ("whole", 1, 2)}
    assert rows[1]["id"].tolist() == [0, 2, 4, 6, 8, 99]
    assert sorted([*rows[1]["id"], *rows[2]["id"]]) == sorted(rows["whole"]["id"])


def test_progress_is_told_where_nobody_looks(cli, posts, tmp_path, monkeypatch):
    monkeypatch.setattr(streaming, "EVERY", 0.0)
    monkeypatch.setattr("latentopt.cli.encode.CHUNK", 1)
    said = cli("encode", "--input", posts, "--batch-size", 4, "--output", tmp_path / "z.jsonl").stderr
    assert re.search(r"^8 of 11 rows, [\d.]+ a second, \d+ s left$", said, flags=re.MULTILINE)


@pytest.fixture
def verbs(heads, tmp_path):
    space = toy_space()
    polite = tmp_path / "polite.safetensors"
    Direction(torch.ones(space.pooled_dim), name="polite", space=space.fingerprint).save_pretrained(polite)
    return {"optimize": ["optimize", "--head", heads / "likes", "--maximize", "likes"], "apply": ["apply", polite]}


@pytest.mark.parametrize("verb", ["optimize", "apply"])
def test_progress_is_told_of_edits_that_are_printed(cli, verbs, verb, monkeypatch):
    monkeypatch.setattr(streaming, "EVERY", 0.0)
    result = cli(*verbs[verb], *FLOORS, *TEXTS[:3])
    assert result.exit_code == 0, result.stderr
    assert re.search(r"^2 of 3 rows, [\d.]+ a second, \d+ s left$", result.stderr, flags=re.MULTILINE)


@pytest.mark.parametrize("verb", ["optimize", "apply"])
def test_edits_are_printed_as_they_are_made(cli, verbs, verb, monkeypatch):
    whole = cli(*verbs[verb], *FLOORS, *TEXTS[:2])
    edit = TextEditor.edit

    def interrupted(self, texts, **options):
        if TEXTS[2] in texts:
            raise KeyboardInterrupt
        return edit(self, texts, **options)

    monkeypatch.setattr(TextEditor, "edit", interrupted)
    result = cli(*verbs[verb], *FLOORS, *TEXTS[:4])
    assert result.exit_code == 130
    assert result.stdout == whole.stdout
    assert len(whole.stdout.splitlines()) >= 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume"], "--resume is for results in a file; name it with --output"),
        (["--shard", "1/2"], "--shard is for results in a file"),
        (["--shard", "3/2", "--output", "z.jsonl"], "3/2: a shard is written I/N, the I-th of N, such as 1/8"),
        (["--delimiter", "ab"], "'ab': a delimiter is one character, such as ; or tab"),
        (["--input", ""], "no file is named; a variable may be empty"),
        (["--encoding", "cp0"], "cp0: there is no such encoding; try utf-8, utf-16 or cp1252"),
    ],
)
def test_wrong_usage(cli, arguments, message):
    result = cli("encode", "the sun", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_what_is_shown_is_not_written(cli, heads, tmp_path):
    words = ["optimize", "--head", heads / "likes", "--target", "likes=@goal"]
    assert "needs --input FILE and --output FILE" in cli(*words, "a text").stderr
    assert "give it with --input" in cli(*words, "a text", "--output", tmp_path / "e.csv").stderr
    result = cli("optimize", "--target", "likes=3", "--explain", "a text", "--output", tmp_path / "e.csv")
    assert (result.exit_code, "leave it out with --output" in result.stderr) == (2, True)

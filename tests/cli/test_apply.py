"""`latentopt apply` on a tiny model: the same editor as optimize, with the goal to go along directions."""

import csv
import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest
import torch

from latentopt.cli.editing import Editing
from latentopt.directions import Direction, calibrate, fit_style_reader
from latentopt.editing import Along, Sum, TextEditor
from tests.toy import toy_space, toy_texts

TEXTS = toy_texts(2, seed=3)
FLOORS = ["--min-fluency", "-99", "--min-meaning", "-1", "--change", "1", "--effort", "0.3"]  # the toy knows little


def make(name="polite", *, space=None, strength=1.5):
    m = toy_space().pooled_dim
    return Direction(torch.linspace(-1, 1, m), name=name, space=space or toy_space().fingerprint, strength=strength)


@pytest.fixture
def polite(tmp_path):
    path = tmp_path / "polite.safetensors"
    make().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def furnished(toy_model, tmp_path_factory):
    """The toy model with two directions of its own."""
    model = shutil.copytree(toy_model, tmp_path_factory.mktemp("furnished") / "model")
    for name in ("civil", "positive"):
        make(name).save_pretrained(model / "directions" / f"{name}.safetensors")
    return model


def document(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_words_are_explained_in_the_document_too(cli, polite):
    found = document(cli("apply", polite, "--json", "--explain", *FLOORS, *TEXTS))
    for edit in found["edits"]:
        assert "".join(word["text"] for word in edit["words"]) == edit["source"]
        assert any(word["adds"] for word in edit["words"])


def test_texts_are_edited_along_the_direction_at_its_own_strength(cli, polite):
    found = document(cli("apply", polite, "--json", *FLOORS, *TEXTS))
    assert found["version"] == 2
    assert found["directions"] == [{"name": "polite", "strength": 1.5}]
    assert [edit["source"] for edit in found["edits"]] == TEXTS
    assert any(edit["candidates"] for edit in found["edits"])
    for edit in found["edits"]:
        assert abs(edit["predicted"]["polite"]["value"]) < 1e-4
        for candidate in edit["candidates"]:
            assert candidate["realised"]["polite"]["value"] > 0


def test_one_text_is_printed_a_line_and_that_of_no_edit_as_it_was(cli, polite):
    result = cli("apply", polite, "--min-meaning", "1", "--effort", "0.1", *TEXTS)
    assert (result.exit_code, result.stdout) == (0, "".join(f"{text}\n" for text in TEXTS))
    assert "2 of 2 texts stay as they were; of the first:" in result.stderr
    assert f"polite: from {polite}" in " ".join(result.stderr.split())


def test_several_directions_each_with_its_strength(cli, furnished):
    found = document(cli("apply", "civil:1", "positive:-0.5", "--json", *FLOORS, TEXTS[0], "--model", furnished))
    assert found["directions"] == [{"name": "civil", "strength": 1.0}, {"name": "positive", "strength": -0.5}]
    assert set(found["edits"][0]["predicted"]) == {"civil", "positive"}


def test_the_strength_can_be_chosen_for_all(cli, polite):
    assert document(cli("apply", polite, "--strength", -2, "--json", *FLOORS, TEXTS[0]))["directions"] == [
        {"name": "polite", "strength": -2.0}
    ]


def test_each_text_may_have_the_strength_that_it_needs(cli, polite):
    found = document(cli("apply", polite, "--strength", "auto", "--json", *FLOORS, *TEXTS))
    assert found["directions"] == [{"name": "polite", "strength": "auto"}]
    assert {edit["strength"] for edit in found["edits"]} <= {0.5, 1.0, 2.0}
    assert "strength" not in document(cli("apply", polite, "--json", *FLOORS, TEXTS[0]))["edits"][0]


def test_one_editor_tries_all_strengths(cli, polite, monkeypatch):
    made = []
    editor = Editing.editor
    monkeypatch.setattr(Editing, "editor", lambda *given: made.append(given) or editor(*given))
    assert cli("apply", polite, "--strength", "auto", "--effort", "0.1", *TEXTS).exit_code == 0
    assert len(made) == 1


def test_the_reader_of_a_direction_is_its_second_opinion(cli, tmp_path):
    path = tmp_path / "read.safetensors"
    reader = fit_style_reader(toy_texts(20), [f"kindly, {text}" for text in toy_texts(20)])
    replace(make("read"), reader=reader).save_pretrained(path)
    (edit,) = document(cli("apply", path, "--json", *FLOORS, TEXTS[0]))["edits"]
    assert edit["reader"]["read"] == pytest.approx(float(reader.predict_score([TEXTS[0]])[0]), abs=1e-6)


def test_a_strength_that_no_text_follows_is_warned_of(cli, polite):
    result = cli("apply", polite, "--strength", 50, "--effort", "0.1", TEXTS[0])
    assert result.exit_code == 0
    assert "warning: strength 50 is 50 times what targets differ from their sources by" in result.stderr


@pytest.mark.parametrize("read", [False, True])
def test_a_direction_is_calibrated_on_what_it_is_applied_by(cli, tmp_path, read):
    texts = toy_texts(8, seed=5)  # of three, none may have an edit: which ones do differs from processor to processor
    direction, path = make(), tmp_path / "it.safetensors"
    if read:
        winter = [text for text in toy_texts(200) if "winter" in text]
        direction = replace(
            direction, reader=fit_style_reader(winter, [text for text in toy_texts(200) if text not in winter])
        )
    direction.save_pretrained(path)
    found = calibrate(toy_space(), direction, texts, strengths=[4.0], most=4.0)
    assert found.strength == 4 and found.edits != texts
    assert cli("apply", path, "--strength", 4, *texts).stdout == "".join(f"{text}\n" for text in found.edits)


def test_python_and_the_command_line_edit_alike(cli, polite):
    space = toy_space()
    edits = TextEditor(space, Sum([(1.0, Along(make(), 1.5))])).transform(TEXTS)
    assert cli("apply", polite, *TEXTS).stdout == "".join(f"{text}\n" for text in edits)


def test_files_are_read_and_written(cli, polite, tmp_path):
    path, output = tmp_path / "posts.csv", tmp_path / "edits.parquet"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["post"], [TEXTS[0]], [" "], [TEXTS[1]]])
    result = cli("apply", polite, "--input", path, "--column", "post", "--output", output, *FLOORS)
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"warning: {path}, row 3: post is empty" in result.stderr
    frame = pd.read_parquet(output)
    assert frame["row"].drop_duplicates().tolist() == [2, 3, 4]
    assert frame[frame["error"].isna()]["source"].drop_duplicates().tolist() == TEXTS
    found = document(cli("apply", polite, "--json", *FLOORS, *TEXTS))["edits"]
    shown = [candidate["text"] for edit in found for candidate in edit["candidates"]]
    assert frame[frame["candidate"].notna()]["text"].tolist() == shown


def test_standard_input_is_read(cli, polite):
    given = cli("apply", polite, *FLOORS, "--json", *TEXTS)
    piped = cli("apply", polite, *FLOORS, "--json", input="\n".join(TEXTS))
    assert document(piped) == document(given)


def test_an_unknown_direction_lists_the_known_ones(cli, furnished):
    for model, known in (
        ([], "this model came with none"),
        (["--model", furnished], "this model knows civil, positive"),
    ):
        result = cli("apply", "formal", "the sun", *model)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == (
            f"error: formal: there is no such direction file, and {known}; "
            "'latentopt direction --pairs FILE' makes one\n"
        )


def test_a_direction_of_another_space_is_refused(cli, tmp_path):
    path = tmp_path / "foreign.safetensors"
    make("foreign", space="0123").save_pretrained(path)
    result = cli("apply", path, "the sun")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: direction foreign belongs to the latent space 0123, not to ")


def test_a_damaged_direction_is_said_to_be_one(cli, polite):
    polite.write_bytes(polite.read_bytes()[:50])
    result = cli("apply", polite, "the sun")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.startswith(f"error: {polite}: not a safetensors file that can be read")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'DIRECTION'"),
        (["civil", "the sun", "--strength", "strong"], "must be a finite number or auto, got strong; try 1"),
        (["civil", "the sun", "--strength", "nan"], "must be a finite number or auto, got nan; try 1"),
        (["civil:1", "the sun", "--strength", "auto"], "--strength auto takes one direction"),
        (["civil", "positive:1", "the sun", "--strength", "auto"], "--strength auto takes one direction"),
        (["civil:inf", "the sun"], "civil:inf: the strength must be a finite number; try civil:1"),
        (["civil", "the sun", "--free", "dates"], "'dates' is not one of"),
        (["civil", "the sun", "--input", "texts.csv"], "texts were given as arguments and with --input"),
        (["civil", "the sun", "--output", "edits.doc"], "the name must end in"),
    ],
)
def test_wrong_usage(cli, arguments, message):
    result = cli("apply", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in " ".join(result.stderr.split())

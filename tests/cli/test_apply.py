import csv
import shutil

import pandas as pd
import pytest
import torch

from latentopt.directions import Direction
from tests.toy import toy_space

TEXTS = ["the sun is up", "good morning, all of you"]


def make(name="polite", *, space=None, strength=1.5):
    d = toy_space().latent_dim
    return Direction(torch.linspace(-1, 1, d), name=name, space=space or toy_space().fingerprint, strength=strength)


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


def edited(strength, texts=TEXTS):
    space = toy_space()
    return space.decode(make().apply(space.encode(texts), strength=strength))


def lines(texts):
    return "".join(" ".join(text.splitlines()) + "\n" for text in texts)


def test_texts_are_printed_as_they_become_at_the_calibrated_strength(cli, polite):
    result = cli("apply", polite, *TEXTS)
    assert (result.exit_code, result.stderr, result.stdout) == (0, "", lines(edited(1.5)))


@pytest.mark.parametrize("strength", [0, 0.5, -2])
def test_the_strength_can_be_chosen(cli, polite, strength):
    assert cli("apply", polite, "--strength", strength, *TEXTS).stdout == lines(edited(strength))


def test_a_direction_of_the_model_is_known_by_name(cli, furnished):
    assert cli("apply", "civil", "--model", furnished, *TEXTS).stdout == lines(edited(1.5))


def test_json_has_the_sources_beside_the_edits(cli_json, polite):
    assert cli_json("apply", polite, *TEXTS, "--strength", 2) == {
        "direction": {"name": "polite", "strength": 2.0},
        "edits": [
            {"row": row, "source": source, "text": text}
            for row, (source, text) in enumerate(zip(TEXTS, edited(2), strict=True), start=1)
        ],
    }


def test_files_are_read_and_written(cli, polite, tmp_path):
    path, output = tmp_path / "posts.csv", tmp_path / "edits.parquet"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["post"], [TEXTS[0]], [" "], [TEXTS[1]]])
    result = cli("apply", polite, "--input", path, "--column", "post", "--output", output)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines() == [f"warning: {path}, row 3: post is empty", f"wrote 2 rows to {output}"]
    frame = pd.read_parquet(output)
    assert frame.to_dict("list") == {"row": [2, 4], "source": TEXTS, "text": edited(1.5)}


def test_standard_input_is_read(cli, polite):
    assert cli("apply", polite, input="\n".join(TEXTS)).stdout == lines(edited(1.5))


def test_a_text_that_is_too_long_is_a_warning(cli, polite):
    result = cli("apply", polite, "good morning " * 770)
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: 1 of 1 texts")


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
        (["civil", "the sun", "--strength", "strong"], "'strong' is not a valid float"),
        (["civil", "the sun", "--strength", "nan"], "must be a finite number, got nan; try 1"),
        (["civil", "the sun", "--input", "texts.csv"], "texts were given as arguments and with --input"),
        (["civil", "the sun", "--output", "edits.doc"], "the name must end in"),
    ],
)
def test_wrong_usage(cli, arguments, message):
    result = cli("apply", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in " ".join(result.stderr.split())

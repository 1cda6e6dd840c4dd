"""The model that comes with the package, as a user meets it after `pip install`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import latentopt
from latentopt import LatentSpace
from latentopt.directions import bundled_directions, load_direction
from latentopt.editing import Effort, Target, TextEditor
from latentopt.editing.acceptability import Acceptability
from latentopt.heads import bundled_heads, load_head

FOLDER = Path(latentopt.__file__).parent / "pretrained"
OFFLINE = {**os.environ, "HF_HUB_OFFLINE": "1", "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
TEXTS = [
    "thank you to everyone who came out tonight",
    "I can't believe it is already Friday",
    "we are so proud of the whole team",
    "see you all tomorrow at the game",
    "this is a great day for our country",
    "looking forward to the new season",
]


@pytest.fixture(scope="module")
def space():
    return LatentSpace.from_pretrained()


def test_it_is_small_enough_to_ship():
    assert sum(file.stat().st_size for file in FOLDER.rglob("*")) <= 95 * 2**20


def test_it_holds_no_pickles():
    kinds = {file.suffix for file in FOLDER.rglob("*") if file.is_file()}
    assert kinds <= {".safetensors", ".json", ".md"}


def test_its_card_says_what_it_is_for_and_what_not():
    card = (FOLDER / "README.md").read_text()
    assert all(f"## {part}" in card for part in ("Data", "How good it is", "Limits", "Misuse"))


def test_it_has_the_heads_and_directions_that_are_promised(space):
    assert {"likes", "sentiment"} <= set(bundled_heads(space))
    assert load_head("likes", space).typical > 0
    assert list(load_head("sentiment", space).classes_) == ["negative", "positive"]
    assert load_direction("civil", space).strength > 0
    for direction in (load_direction(file, space) for file in bundled_directions(space).values()):
        verdict = direction.statistics.get("verdict", {"words": "works on texts"})  # those of 0.1 have none
        assert verdict["words"] == "works on texts"


def test_it_tells_edits_that_could_be_posted_from_others(space):
    probe = Acceptability.of_model(space)
    assert probe is not None, "fit it anew to this model: experiments/edits/acceptability.py"
    good, bad = probe.predict(
        space, "I hate waiting for the bus", ["I love waiting for the bus", "I hate love you bus"]
    )
    assert good > bad


def test_what_is_said_of_its_ratings_is_of_all_that_are_kept():
    folder = Path(__file__).parents[1] / "experiments/edits"
    said = json.loads((folder / "acceptability.json").read_text())
    kept = len((folder / "ratings.jsonl").read_text().splitlines())
    assert sum(of["edits"] for of in said["goals"].values()) == sum(of["edits"] for of in said["bands"]) == kept


def test_english_is_likelier_than_its_words_in_another_order(space):
    shuffled = [" ".join(reversed(text.split())) for text in TEXTS]
    assert (space.log_likelihood(TEXTS) > space.log_likelihood(shuffled) + 1).all()


def test_latents_say_what_a_text_means(space):
    said = space.embed(
        space.pooled(space.encode(["what a lovely day", "what a beautiful day", "my printer is broken"]))
    )
    assert said[0] @ said[1] > said[0] @ said[2] + 0.2


@pytest.mark.slow
def test_the_edits_of_a_text_do_not_depend_on_its_neighbours(space):
    likes = load_head("likes", space)
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    many = [f"{text}, and see you {day}" for day in days for text in TEXTS] + TEXTS + ["the train is late again"] * 2
    assert len(many) == 50
    editor = TextEditor(space, Target(likes, 1000), effort=Effort(rounds=2, rows=8, scored=4))
    alone = [edit for text in TEXTS for edit in editor.edit([text])]
    seven = editor.edit([*TEXTS[4:], TEXTS[3], *many[:2], TEXTS[0], many[2]])
    assert [seven[2], seven[5]] == [alone[3], alone[0]]
    among = editor.edit(many)
    assert [among[many.index(text)] for text in TEXTS] == alone
    assert any(edit.candidates for edit in alone)


def test_texts_come_nearer_to_what_was_wished_for(space):
    likes, texts = load_head("likes", space), TEXTS[2:]
    own = likes.predict(space.pooled(space.encode(texts)).numpy())
    edits = TextEditor(space, Target(likes, (2 * own).tolist()), effort=Effort(rows=48, scored=24)).edit(texts)
    shown = [(2 * value, value, edit.candidates[0]) for edit, value in zip(edits, own, strict=True) if edit.candidates]
    assert len(shown) >= len(texts) / 2  # how many differs with the processor
    for wished, before, best in shown:
        after = best.realised["likes"].value
        assert abs(np.log1p(after) - np.log1p(wished)) < abs(np.log1p(before) - np.log1p(wished))


def test_the_command_works_without_a_network():
    words = ["optimize", "--target", "likes=1000", "--effort", "0.1", "--json", TEXTS[0]]
    command = [sys.executable, "-m", "latentopt", *words]
    done = subprocess.run(command, env=OFFLINE, capture_output=True, text=True, check=True)
    (edit,) = json.loads(done.stdout)["edits"]
    assert edit["reason"]

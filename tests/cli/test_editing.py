"""The options that `optimize` and `apply` share: each reaches the editor that they make."""

from __future__ import annotations

import pytest
import torch

from latentopt import editing
from latentopt.directions import Direction
from latentopt.editing import (
    AtLeast,
    AtMost,
    Best,
    Effort,
    Floors,
    Front,
    Maximize,
    Minimize,
    Target,
    fluency,
    standard,
)
from latentopt.editing.edit import Edit
from latentopt.editing.optimizers import OPTIMIZERS
from latentopt.heads import save_head
from property_models import RidgeHead
from tests.toy import toy_space, toy_texts

TEXT = "the old baker sells warm bread"


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    """Directories of two heads, as options."""
    folder, space = tmp_path_factory.mktemp("heads"), toy_space()
    z = space.pooled(space.encode(toy_texts(100))).numpy()
    for i, name in enumerate(("likes", "shares")):
        save_head(RidgeHead().fit(z, z[:, i]), folder / name, name=name, space=space.fingerprint)
    return ["--head", folder / "likes", "--head", folder / "shares"]


@pytest.fixture
def editor_of(cli, monkeypatch):
    """Return a function that gives the editor that a command makes; it edits nothing."""

    def find(*words):
        made = []

        class Seen(editing.TextEditor):
            def edit(self, texts, *, progress=None, glance=None):
                made.append(self)
                return [Edit(text, {}, {}, [], "none_better", False, "it was only looked at") for text in texts]

        monkeypatch.setattr(editing, "TextEditor", Seen)
        result = cli(*words)
        assert result.exit_code == 0, result.stderr
        (editor,) = made
        return editor

    return find


@pytest.fixture
def verbs(heads, tmp_path):
    """Either verb with what it cannot do without."""
    space = toy_space()
    polite = tmp_path / "polite.safetensors"
    Direction(torch.ones(space.pooled_dim), name="polite", space=space.fingerprint).save_pretrained(polite)
    return {"optimize": ["optimize", *heads, "--maximize", "likes"], "apply": ["apply", polite]}


@pytest.mark.parametrize("verb", ["optimize", "apply"])
class TestEveryOption:
    def test_says_what_stays_and_what_must_not_come(self, editor_of, verbs, verb, tmp_path):
        words = tmp_path / "words.txt"
        words.write_text("cheap\nfree of charge\n")
        editor = editor_of(
            *verbs[verb],
            *("--keep", "old baker", "--keep", "/w.rm/", "--free", "numbers", "--free", "names"),
            *("--forbid", "sale", "--forbid", words, "--max-length", 80, "--max-tokens", 20, "--allow-abuse", TEXT),
        )
        *usual, most = editor.constraints
        assert list(map(repr, usual)) == list(
            map(
                repr,
                standard(
                    keep=("old baker", "/w.rm/"),
                    free=("numbers", "names"),
                    forbid=("sale", str(words)),
                    max_length=80,
                    allow_abuse=True,
                ),
            )
        )
        assert (most.tokens, most.lengths(["warm bread"])) == (20, toy_space().lengths(["warm bread"]))
        assert list(map(repr, editor.constraints)) != list(map(repr, standard()))

    def test_says_how_good_an_edit_must_be(self, editor_of, verbs, verb, monkeypatch):
        monkeypatch.setattr(fluency, "CausalLM", lambda name: f"the language model {name}")
        editor = editor_of(
            *verbs[verb],
            *("--change", 0.4, "--min-fluency", -0.5, "--min-meaning", 0.2, "--min-acceptability", 0.7),
            *("--language-model", "some/model", TEXT),
        )
        assert editor.floors == Floors(fluency=-0.5, meaning=0.2, change=0.4, acceptability=0.7)
        assert editor.language_model == "the language model some/model"

    def test_says_how_much_is_tried(self, editor_of, verbs, verb):
        options = "--optimizer", "random", "--candidates", 2, "--effort", 0.5, "--seed", 7
        editor = editor_of(*verbs[verb], *options, TEXT)
        assert type(editor.optimizer) is type(OPTIMIZERS["random"](toy_space().density.covariance))
        assert (editor.shown, editor.seed) == (Best(2), 7)
        assert editor_of(*verbs[verb], "--pareto", TEXT).shown == Front()
        assert editor.effort == Effort(rows=Effort().rows // 2, scored=Effort().scored // 2)

    def test_has_the_editor_s_own_default(self, editor_of, verbs, verb):
        editor, usual = editor_of(*verbs[verb], TEXT), editing.TextEditor(toy_space(), Target)
        for name in ("floors", "effort", "shown", "seed", "language_model"):
            assert getattr(editor, name) == getattr(usual, name), name


@pytest.mark.parametrize(
    ("option", "kind"),
    [
        ("--target", Target),
        ("--at-least", AtLeast),
        ("--at-most", AtMost),
        ("--maximize", Maximize),
        ("--minimize", Minimize),
    ],
)
def test_every_wish_is_what_its_option_says(editor_of, heads, option, kind):
    value = "" if kind in (Maximize, Minimize) else "=0.5"
    goal = editor_of("optimize", *heads, option, f"likes{value}", option, f"shares{value}", TEXT).goal
    assert [(type(term), term.head.name) for _, term in goal.terms] == [(kind, "likes"), (kind, "shares")]

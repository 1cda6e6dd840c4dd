"""`latentopt optimize` on a tiny untrained model: the document, the table, and what is refused."""

import json

import numpy as np
import pytest
import torch

from latentopt.cli.editing import marked, measured
from latentopt.editing.edit import Candidate, Edit, Estimate, changes_between
from latentopt.heads import load_head, save_head
from property_models import LogisticHead, RidgeHead
from tests.toy import toy_space, toy_texts

TEXT = "the old baker sells warm bread"
FLOORS = ["--min-fluency", "-99", "--min-meaning", "-1", "--change", "1", "--effort", "0.4"]  # the toy knows little


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    """Directories of a head for likes, with groups, one for tone, and one of another space."""
    folder = tmp_path_factory.mktemp("heads")
    space = toy_space()
    texts = toy_texts(300)
    z = space.pooled(space.encode(texts)).numpy()
    likes = np.round(np.exp(4 + z[:, 0]))
    head = RidgeHead(scale="log1p").fit(z, likes, groups=np.arange(300) % 5)
    save_head(head, folder / "likes", name="likes", space=space.fingerprint)
    tone = LogisticHead().fit(z, np.where(z[:, 1] > z[:, 1].mean(), "warm", "cold"))
    save_head(tone, folder / "tone", name="tone", space=space.fingerprint)
    moods = LogisticHead().fit(z, np.array(["glad", "sad", "calm"])[np.arange(300) % 3])
    save_head(moods, folder / "mood", name="mood", space=space.fingerprint)
    save_head(head, folder / "other", name="likes", space="0123456789abcdef")
    return folder


@pytest.fixture
def optimize(cli, heads):
    def run(*arguments, input=None):
        named = [word for name in ("likes", "tone", "mood") for word in ("--head", heads / name)]
        return cli("optimize", *named, *arguments, input=input)

    return run


def test_the_document_has_the_documented_shape(optimize):
    texts = [TEXT, *toy_texts(3, seed=9)]
    result = optimize("--target", "likes=90", "--maximize", "tone", "--json", *FLOORS, *texts)
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["version"] == 2
    assert [edit["source"] for edit in document["edits"]] == texts
    edit = next(edit for edit in document["edits"] if edit["candidates"])
    assert set(edit) == {"row", "source", "predicted", "reader", "status", "already", "reason", "candidates"}
    assert set(edit["predicted"]) == {"likes", "tone=warm"}
    likes = edit["predicted"]["likes"]
    assert likes["low"] <= likes["value"] <= likes["high"]
    for candidate in edit["candidates"]:
        assert set(candidate) == {
            *("text", "changes", "changed", "realised", "promised", "reader", "agrees", "meaning", "similarity"),
            *("fluency", "fluency_words", "typicality", "acceptability", "acceptability_words"),
        }
        likes = candidate["realised"]["likes"]
        assert likes["low"] <= likes["value"] <= likes["high"]
        assert candidate["realised"]["tone=warm"]["low"] is None  # a probability is its own uncertainty
        assert candidate["changes"]
        for change in candidate["changes"]:
            assert candidate["text"][change["start"] : change["end"]] == change["now"]


def test_people_get_a_table_and_are_told_for_whom(optimize):
    result = optimize("--target", "likes=90", *FLOORS, TEXT)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(TEXT)
    assert "predicted: likes" in result.stdout
    assert "predicted for a group (an account, a test) whose texts typically get" in result.stderr
    assert (
        "predicted for a group (an account, a test) whose texts typically get 20;"
        in optimize("--target", "likes=90", "--typical", "likes=20", *FLOORS, TEXT).stderr
    )


def test_a_candidate_is_shown_with_what_changed_and_what_was_measured():
    was, now = Estimate(100.0, 10.0, 1000.0), Estimate(250.0, 25.0, 2500.0)
    changes = changes_between(TEXT, "our old baker sells warm bread today")
    candidate = Candidate(
        "our old baker sells warm bread today",
        changes,
        0.3,
        {"likes": now},
        {"likes": 400.0},
        {"likes": 80.0},
        False,
        0.9,
        0.8,
        -0.2,
        0.5,
        0.1,
    )
    edit = Edit(TEXT, {"likes": was}, {"likes": 90.0}, [candidate], "improved", False, "why")
    assert measured(edit, candidate) == (
        "likes 250 (25 to 2,500) (+150%), reader 90 to 80; the reader disagrees; meaning 0.90; fluency unusual; "
        "the → our, + today"
    )
    styled = marked(candidate)
    assert [styled.plain[span.start : span.end] for span in styled.spans] == ["our", "today"]


def test_words_are_explained(optimize):
    result = optimize("--target", "likes=90", "--explain", "--json", *FLOORS, TEXT)
    assert result.exit_code == 0, result.stderr
    words = json.loads(result.stdout)["edits"][0]["words"]
    assert "".join(word["text"] for word in words) == TEXT
    assert "(of the goal's loss)" in optimize("--target", "likes=90", "--explain", *FLOORS, TEXT).stdout


def test_a_typical_value_shifts_the_prediction(optimize):
    low, high = (
        json.loads(optimize("--target", "likes=90", "--typical", typical, "--json", *FLOORS, TEXT).stdout)["edits"][0]
        for typical in ("5", "500")
    )
    assert low["predicted"]["likes"]["value"] < high["predicted"]["likes"]["value"]


def test_a_typical_value_is_one_that_the_property_can_have(optimize):
    result = optimize("--target", "likes=90", "--typical", "-3", TEXT)
    assert result.exit_code == 1
    assert "likes: a typical value is one of counts of at least 0, got -3" in result.stderr


def test_a_class_can_be_named_as_the_target(optimize, heads):
    result = optimize("--target", "mood=glad", "--json", *FLOORS, TEXT)
    assert result.exit_code == 0, result.stderr
    glad = load_head(heads / "mood", toy_space()).for_class("glad")
    (expected,) = glad.predict(toy_space().pooled(toy_space().encode([TEXT])).numpy())
    predicted = json.loads(result.stdout)["edits"][0]["predicted"]
    assert predicted["mood=glad"]["value"] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("wish", "better"),
    [
        (("--minimize", "likes"), lambda before, after: after < before),
        (("--maximize", "likes"), lambda before, after: after > before),
        (("--at-most", "likes=1"), lambda before, after: after < before),
        (("--target", "likes=500"), lambda before, after: abs(np.log(after / 500)) < abs(np.log(before / 500))),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_is_shown_goes_the_way_that_was_wished(optimize, wish, better):
    result = optimize(*wish, "--json", *FLOORS, *toy_texts(3, seed=9))
    assert result.exit_code == 0, result.stderr
    edits = json.loads(result.stdout)["edits"]
    shown = [(edit["predicted"]["likes"], c["realised"]["likes"]) for edit in edits for c in edit["candidates"]]
    assert shown
    assert all(better(before["value"], after["value"]) for before, after in shown)


def test_texts_from_a_file_keep_the_good_rows(optimize, tmp_path):
    file = tmp_path / "drafts.csv"
    file.write_text(f'text\n{TEXT}\n"bad\x00row"\nher brother loves paper stars\n')
    result = optimize("--target", "likes=90", "--json", "--input", file, *FLOORS)
    assert result.exit_code == 0, result.stderr
    assert len(json.loads(result.stdout)["edits"]) == 2
    assert "row 3: text" in result.stderr
    assert "NUL" in result.stderr


def test_the_file_is_read_as_is_said(optimize, tmp_path):
    file = tmp_path / "drafts"
    file.write_bytes(f"1:{TEXT}\n2:café, warm bread\n".encode("cp1252"))
    said = "--format", "csv", "--delimiter", ":", "--encoding", "cp1252", "--no-header", "--column", "2"
    result = optimize("--target", "likes=90", "--json", "--input", file, *said, *FLOORS)
    assert result.exit_code == 0, result.stderr
    assert [edit["source"] for edit in json.loads(result.stdout)["edits"]] == [TEXT, "café, warm bread"]


def test_as_many_threads_as_are_asked_for(optimize, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # to have it back
    before = torch.get_num_threads()
    try:
        assert optimize("--target", "likes=90", "--threads", 3, *FLOORS, TEXT).exit_code == 0
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "likes=abc"], "--target likes=abc: the value must be a number; try likes=1000"),
        (["--target", "likes=nan"], "--target likes=nan: the value must be a number; try likes=1000"),
        (["--target", "likes"], "likes: a wish is written NAME=VALUE, such as likes=1000"),
        (["--target", "likes=-3"], "a wish for likes is a number that it could have"),
        (["--target", "shares=3"], "shares: there is no such property; known: likes, mood, tone;"),
        (["--target", "tone=3"], "the value must be a probability from 0 to 1, or one of cold, warm"),
        (["--maximize", "mood"], "mood has the classes calm, glad, sad; name one: mood=calm"),
        (["--target", "likes=9", "--target", "likes=5"], "a goal has one Target for a property, but likes has two"),
        ([], "say what the texts shall become, such as --target likes=1000 or --maximize sentiment"),
    ],
)
def test_a_wish_that_cannot_be_is_wrong_usage(optimize, arguments, message):
    result = optimize(*arguments, TEXT)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_target_far_from_all_that_the_head_has_seen_is_a_warning(optimize):
    result = optimize("--target", "likes=1e12", "--json", *FLOORS, TEXT)
    assert result.exit_code == 0
    assert "almost all that the head has seen lies between" in result.stderr


def test_a_head_of_another_space_is_refused(cli, heads):
    result = cli("optimize", "--head", heads / "other", "--target", "likes=5", TEXT)
    assert result.exit_code == 1
    assert "was fitted on another latent space" in result.stderr


@pytest.mark.parametrize("text", ["", "   "])
def test_an_empty_text_is_an_error(optimize, text):
    result = optimize("--target", "likes=90", text)
    assert result.exit_code == 1
    assert "no row is left to work on" in result.stderr


def test_a_text_that_the_model_cannot_read_is_left_alone_with_a_warning(optimize):
    result = optimize("--target", "likes=90", "--json", *FLOORS, "so " * 99)
    assert result.exit_code == 0
    assert "texts are longer than the model's limit of 31 tokens" in result.stderr
    (edit,) = json.loads(result.stdout)["edits"]
    assert (edit["status"], edit["candidates"]) == ("none_better", [])
    assert edit["reason"].endswith("tokens, and the model reads 31; edit a part of it")


class TestObjective:
    @pytest.fixture
    def scores(self, tmp_path):
        """A file with functions of texts."""
        file = tmp_path / "scores.py"
        file.write_text(
            "def letters(texts):\n    return [len(text) / 10 for text in texts]\n\n"
            "def fails(texts):\n    raise ValueError('no such word')\n"
        )
        return file

    @pytest.mark.parametrize("optimizer", ["none", "random"])
    def test_a_function_of_texts_is_lowered_and_shown(self, cli, scores, optimizer):
        words = "--objective", f"{scores}:letters", "--optimizer", optimizer, "--json", *FLOORS, TEXT
        result = cli("optimize", *words)
        assert result.exit_code == 0, result.stderr
        (edit,) = json.loads(result.stdout)["edits"]
        assert edit["predicted"]["letters"]["value"] == pytest.approx(len(TEXT) / 10)
        assert edit["candidates"]
        for candidate in edit["candidates"]:
            assert candidate["realised"]["letters"]["value"] == pytest.approx(len(candidate["text"]) / 10)
            assert len(candidate["text"]) < len(TEXT)

    def test_an_optimizer_that_needs_a_gradient_is_wrong_usage(self, cli, scores):
        result = cli("optimize", "--objective", f"{scores}:letters", TEXT)
        assert result.exit_code == 2
        said = " ".join(result.stderr.split())
        assert "a function of texts has no gradient, and --optimizer gradient needs one; take cma-es, bayesian," in said

    @pytest.mark.parametrize(
        ("name", "message"),
        [("fails", "an objective failed on 1 texts (ValueError: no such word)"), ("nothing", "there is no function")],
    )
    def test_a_function_that_fails_or_is_none_is_one_line(self, cli, scores, name, message):
        result = cli("optimize", "--objective", f"{scores}:{name}", "--optimizer", "none", TEXT)
        assert result.exit_code == 1
        assert message in result.stderr


class TestPareto:
    def test_the_front_is_a_table_and_a_figure(self, optimize, tmp_path):
        wishes = "--maximize", "likes", "--maximize", "tone"
        result = optimize(*wishes, "--pareto", "--figures", tmp_path / "figures", *FLOORS, TEXT)
        assert result.exit_code == 0, result.stderr
        assert result.stdout.startswith(TEXT)
        heading, source, first = result.stdout.splitlines()[2:5]
        assert heading.split() == ["likes", "tone=warm", "meaning", "fluency", "text"]
        assert source.split()[2:] == ["1", "0", "as", "it", "stands"]
        assert first.split()[0] == "1"
        assert (tmp_path / "figures" / "front.png").read_bytes().startswith(b"\x89PNG")

    def test_no_candidate_of_the_front_beats_another_in_everything(self, optimize):
        result = optimize(
            "--maximize", "likes", "--minimize", "tone", "--pareto", "--json", *FLOORS, *toy_texts(3, seed=9)
        )
        fronts = [
            [
                (c["realised"]["likes"]["value"], -c["realised"]["tone=warm"]["value"], c["fluency"], c["meaning"])
                for c in edit["candidates"]
            ]
            for edit in json.loads(result.stdout)["edits"]
        ]
        assert max(map(len, fronts)) > 1
        for front in fronts:
            for one in front:
                assert not any(all(b > a for a, b in zip(one, other, strict=True)) for other in front)

    def test_a_figure_is_one_of_the_front(self, optimize, tmp_path):
        result = optimize("--maximize", "likes", "--figures", tmp_path, TEXT)
        assert result.exit_code == 2
        assert "--figures draws what --pareto shows; give both" in result.stderr


def test_an_edit_has_at_most_so_many_tokens(optimize):
    most = toy_space().lengths([TEXT])[0] - 1
    result = optimize("--target", "likes=90", "--max-tokens", most, "--json", *FLOORS, TEXT)
    assert result.exit_code == 0, result.stderr
    (edit,) = json.loads(result.stdout)["edits"]
    assert edit["candidates"]
    assert all(count <= most for count in toy_space().lengths([c["text"] for c in edit["candidates"]]))

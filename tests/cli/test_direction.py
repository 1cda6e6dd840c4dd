import csv
import json

import pytest

from latentopt.directions import Direction
from latentopt.directions.strength import STRENGTHS
from tests.toy import toy_space, toy_texts

FEW = ["--calibrate", 1, "--effort", 0.1]


def rows(n=40):
    return [(text, f"please, {text}") for text in dict.fromkeys(toy_texts(n))]


def write(path, pairs, header=("source", "target")):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *pairs])
    return path


@pytest.fixture
def pairs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write(tmp_path / "tone_pairs.csv", rows())


def test_it_reports_saves_and_says_what_to_do_next(cli, toy_model, pairs, tmp_path):
    result = cli("direction", *FEW, "--pairs", pairs, "--permutations", 99)
    assert result.exit_code == 0, result.stderr
    n = len(rows())
    assert f"tone_pairs: {n} pairs of {n} sources" in result.stdout
    said = "Held-out pairs, against the direction of the others (p of the mean difference, 99 permutations):"
    assert said in result.stdout
    assert "mean cosine" in result.stdout and "p = 0.01" in result.stdout
    assert result.stdout.count("<- chosen") == 1
    for part in (
        "read the right way",
        "Bootstrap cosine",
        "20 draws); share of the variance of these pairs",
        "by pairs: ",
        "What else moves",
        "Verdict: ",
    ):
        assert part in result.stdout
    for label in ("source", "edited", "target"):
        assert sum(line.startswith(f"  {label} ") for line in result.stdout.splitlines()) == 1
    following = f'latentopt apply tone_pairs.safetensors --model {toy_model} "a text of yours"'
    assert result.stderr.splitlines()[-1] == f"wrote tone_pairs.safetensors; next: {following}"
    direction = Direction.from_pretrained(tmp_path / "tone_pairs.safetensors", space=toy_space().fingerprint)
    assert (direction.name, direction.statistics["pairs"]) == ("tone_pairs", n)
    assert cli("apply", "tone_pairs.safetensors", "good morning").exit_code == 0


def test_json_has_all_that_is_printed_and_more(cli, cli_json, pairs, tmp_path):
    document = cli_json("direction", *FEW, "--pairs", pairs, "--permutations", 49, "--name", "polite")
    found = document["direction"]
    assert list(document) == ["direction"]
    assert list(found) == [
        *["name", "file", "strength", "pairs", "sources", "usable", "miner", "consistency", "stability", "curve"],
        *["strengths", "leakage", "reads", "verdict", "examples"],
    ]
    assert (found["name"], found["file"]) == ("polite", "polite.safetensors")
    assert found["consistency"]["permutations"] == 49
    assert [row["strength"] for row in found["strengths"]][:3] == [*STRENGTHS]
    assert found["usable"] == {"given": len(rows()), "left_out": {}}
    assert [leak["name"] for leak in found["leakage"]] == ["length"]
    assert [row["examples"] for row in found["curve"]][:1] == [10]
    saved = Direction.from_pretrained(tmp_path / "polite.safetensors")
    assert found["strength"] == saved.strength
    for key in ("consistency", "stability", "curve", "strengths", "leakage", "reads", "verdict"):
        assert found[key] == saved.statistics[key]
    (example,) = found["examples"]
    assert (example["source"], example["target"]) in rows()


def test_typing_that_tells_the_sides_apart_is_warned_of_and_can_be_evened_out(cli, cli_json, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "typed.csv", [(f"{a} .", f"Please, {a}") for a, _ in rows()])
    warned = cli("direction", *FEW, "--pairs", path, "--permutations", 9)
    assert "100% of the sources and 0% of the targets have a space before a mark" in warned.stderr
    assert "--same-typing evens it out" in warned.stderr
    evened = cli("direction", *FEW, "--pairs", path, "--permutations", 9, "--same-typing", "--json")
    assert "typing" not in evened.stderr
    (example,) = json.loads(evened.stdout)["direction"]["examples"]
    assert example["source"].endswith(".") and not example["source"].endswith(" .")
    assert example["target"].startswith("please,") and example["target"].endswith(".")


def test_the_same_seed_finds_the_same(cli_json, pairs):
    def run(seed):
        return cli_json("direction", *FEW, "--pairs", pairs, "--permutations", 19, "--seed", seed)

    first = run(3)
    assert first == run(3)
    assert first != run(4)


def test_names_and_columns_can_be_chosen(cli, cli_json, tmp_path):
    path = write(tmp_path / "p.csv", rows(), header=("rude", "polite"))
    output = tmp_path / "kind.safetensors"
    options = ["--source-column", "rude", "--target-column", "polite", "--output", output, "--permutations", 9]
    found = cli_json("direction", *FEW, "--pairs", path, *options)["direction"]
    assert (found["name"], found["file"]) == ("kind", str(output))
    assert Direction.from_pretrained(output).name == "kind"


def test_pairs_are_read_from_standard_input(cli_json, pairs, tmp_path):
    found = cli_json("direction", *FEW, "--pairs", "-", "--permutations", 9, input=pairs.read_bytes())["direction"]
    assert (found["name"], found["pairs"]) == ("direction", len(rows()))


def test_limit_draws_pairs(cli_json, pairs):
    assert cli_json("direction", *FEW, "--pairs", pairs, "--limit", 12, "--permutations", 9)["direction"]["pairs"] == 12
    assert cli_json("direction", *FEW, "--pairs", pairs, "--limit", 999, "--permutations", 9)["direction"]["pairs"] > 12


def test_good_pairs_are_kept_beside_bad_ones(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "p.csv"
    good = "".join(f'{a},"{b}"\n' for a, b in rows())
    path.write_text("source,target\nthe sun,\nthe\0sun,the moon\nthe sun,the sun\none\n" + good)
    result = cli("direction", *FEW, "--pairs", path, "--permutations", 9, "--json")
    assert result.exit_code == 0
    assert result.stderr.splitlines()[:4] == [
        f"warning: {path}, row 2: target is empty",
        f"warning: {path}, row 3: source holds a NUL byte",
        f"warning: {path}, row 4: target is the same as source",
        f"warning: {path}, row 5: 1 fields, and the header has 2",
    ]
    assert not any(line.startswith("warning: left out") for line in result.stderr.splitlines())  # each was told
    found = json.loads(result.stdout)["direction"]
    assert found["pairs"] == len(rows())
    assert found["usable"] == {
        "given": len(rows()) + 4,
        "left_out": {"that could not be read": 3, "of a text with itself": 1},
    }
    assert Direction.from_pretrained("p.safetensors").statistics["usable"] == found["usable"]


def test_texts_that_look_like_markup_are_printed_as_they_are(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "[bold].csv", [(f"[red]{a}[/]", f"[/b] {b}") for a, b in rows()])
    result = cli("direction", *FEW, "--pairs", path, "--permutations", 9)
    assert result.exit_code == 0
    assert (
        "[bold]: " in result.stdout and "  source  [red]" in result.stdout and "  target  [/b] please" in result.stdout
    )


def test_pairs_without_a_direction_are_doubted(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    texts = list(dict.fromkeys(toy_texts(60)))
    both_ways = [*zip(texts[::2], texts[1::2], strict=False), *zip(texts[1::2], texts[::2], strict=False)]
    result = cli("direction", *FEW, "--pairs", write(tmp_path / "none.csv", both_ways), "--permutations", 99)
    assert result.exit_code == 0
    assert "warning: none: not at all; the examples may have no direction in common (p = " in result.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("source,target\n", "no row is left to work on"),
        ("from,to\na,b\n", "there is no column 'source'; the file has 'from', 'to'"),
        ("source,target\na,b\nc,d\n", "5 different sources or more, to hold some of them out; got 2"),
        ("source,target\na,b\n", "5 different sources or more, to hold some of them out; got 1"),
        ("source,target\na,a\nb,b\n", "no row is left to work on"),
        ("source,target\na,a \nb,b \n", "no usable pair is left of 2: 2 of a text with itself"),
    ],
)
def test_pairs_that_do_not_do_are_a_failure(cli, tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "p.csv"
    path.write_text(content)
    result = cli("direction", *FEW, "--pairs", path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith("error: ") and message in result.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_not_there_is_a_failure(cli, tmp_path):
    result = cli("direction", *FEW, "--pairs", tmp_path / "none.csv")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith(f"error: {tmp_path}/none.csv: No such file")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give one of --pairs FILE, --labels FILE and --discover FILE"),
        (["--pairs", "p.csv", "--labels", "p.csv"], "give one of --pairs FILE, --labels FILE and --discover FILE"),
        (["--labels", "p.csv"], "--labels FILE --label COLUMN belong together"),
        (["--pairs", "p.csv", "--label", "tone"], "--labels FILE --label COLUMN belong together"),
        (["--pairs", "p.csv", "--miner", "gold"], "'gold' is not one of"),
        (["--pairs", "p.csv", "--output", "p.pt"], "the name of a direction's file ends in .safetensors"),
        (["--pairs", "p.csv", "--target-column", "source"], "are both 'source'; give two columns"),
        (["--pairs", "p.csv", "--permutations", 0], "0 is not in the range x>=1"),
        (["--pairs", "p.csv", "--limit", "some"], "'some' is not a valid integer"),
        (
            ["--discover", "p.csv", "--miner", "mean", "--effort", 2],
            "--discover knows no --miner, --effort; leave them",
        ),
        (["--discover", "p.csv", "--clear", "length", "--calibrate", 8], "--discover knows no --clear, --calibrate"),
        (["--discover", "p.csv", "--permutations", 9, "--figure", "p.svg"], "knows no --permutations, --figure"),
        (["--discover", "p.csv", "--target", "b", "--source-column", "a"], "knows no --source-column, --target"),
        (["--pairs", "p.csv", "--target", "b", "--column", "text"], "--pairs knows no --column, --target; leave them"),
        (["--pairs", "p.csv", "--components", 8, "--method", "principal"], "knows no --components, --method"),
        (["--labels", "p.csv", "--label", "a", "--target-column", "b"], "--labels knows no --target-column; leave it"),
        (["--pairs", "p.csv", "--figure", "p.txt"], "--figure p.txt: the name of a figure ends in .png, .svg, .pdf"),
    ],
)
def test_wrong_usage(cli, arguments, message):
    result = cli("direction", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in " ".join(result.stderr.split())


@pytest.mark.parametrize(("miner", "made"), [("mean", "Mean"), ("components", "PrincipalComponents")])
def test_a_miner_is_named(cli_json, pairs, miner, made):
    found = cli_json("direction", *FEW, "--pairs", pairs, "--permutations", 9, "--miner", miner)["direction"]
    assert found["miner"] == made


def test_it_can_be_cleared_of_a_property(cli, cli_json, pairs):
    options = [*FEW, "--pairs", pairs, "--permutations", 9]
    found = cli_json("direction", *options, "--clear", "length")["direction"]
    assert found["leakage"][0]["share"] < 0.05 < cli_json("direction", *options)["direction"]["leakage"][0]["share"]
    result = cli("direction", *options, "--clear", "fame")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "a direction can be cleared of length, got fame" in result.stderr


def test_what_was_left_out_is_said(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "p.csv", [*rows(), rows()[0], ("the sun", "the sun "), ("a " * 40, "b")])
    result = cli("direction", *FEW, "--pairs", path, "--permutations", 9)
    assert result.exit_code == 0
    assert "warning: left out 1 that are there twice, 1 of a text with itself, 1 longer than the model reads" in (
        result.stderr
    )


class TestLabels:
    @pytest.fixture
    def file(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        texts = [(text, "plain") for text, _ in rows(60)] + [(text, "polite") for _, text in rows(60)]
        return write(tmp_path / "tones.csv", texts, header=("said", "tone"))

    def test_two_kinds_of_texts_do(self, cli_json, file, tmp_path):
        options = ["--labels", file, "--label", "tone", "--column", "said", "--permutations", 19, *FEW]
        found = cli_json("direction", *options)["direction"]
        assert (found["texts"], found["sources"]) == (2 * len(rows(60)), len(rows(60)))
        assert found["consistency"]["cosine_p"] == 0.05
        assert found["examples"][0]["target"] is None
        away = cli_json("direction", *options, "--target", "plain", "--output", tmp_path / "away.safetensors")
        assert away["direction"]["sources"] == len(rows(60))
        there, back = (Direction.from_pretrained(tmp_path / f"{name}.safetensors") for name in ("tones", "away"))
        assert there.cosine(back) < -0.9

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--target", "kind"], "--target kind: the labels are plain, polite"),
            (["--label", "said"], "--column and --label are both 'said'; give two columns"),
        ],
    )
    def test_labels_of_another_kind_are_wrong_usage(self, cli, file, options, message):
        result = cli("direction", "--labels", file, "--label", "tone", "--column", "said", *options)
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in " ".join(result.stderr.split())

    def test_of_three_kinds_one_is_named(self, cli, tmp_path):
        path = write(tmp_path / "moods.csv", [(str(i), mood) for i, mood in enumerate("abc" * 9)], header=("text", "m"))
        result = cli("direction", "--labels", path, "--label", "m")
        assert (result.exit_code, result.stdout) == (2, "")
        said = "two kinds of texts are told apart, and the labels are a, b, c; name one, --target LABEL"
        assert said in " ".join(result.stderr.split())


def test_directions_of_a_corpus_are_discovered(cli, cli_json, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "corpus.csv", [(text,) for text, _ in rows(80)], header=("text",))
    found = cli_json("direction", "--discover", path, "--components", 2)["directions"]
    assert [each["file"] for each in found] == ["corpus-1.safetensors", "corpus-2.safetensors"]
    assert list(found[0]) == ["name", "share", "along", "against", "most", "least", "file"]
    printed = cli("direction", "--discover", path, "--components", 2).stdout
    assert "corpus-1: " in printed and "% of the variance" in printed and found[0]["along"][0] in printed


def test_the_strength_curve_is_drawn(cli, pairs, tmp_path):
    result = cli("direction", *FEW, "--pairs", pairs, "--permutations", 9, "--figure", tmp_path / "curve.svg")
    assert result.exit_code == 0, result.stderr
    assert "<svg" in (tmp_path / "curve.svg").read_text()

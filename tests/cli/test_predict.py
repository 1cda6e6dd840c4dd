import json

import pandas
import pytest

from latentopt.space import LatentSpace
from tests.toy import toy_space, toy_texts

TEXTS = toy_texts(200, seed=6)


@pytest.fixture(scope="module")
def heads(cli, tmp_path_factory):
    """Directories of a head of numbers with groups, and of one of classes."""
    folder = tmp_path_factory.mktemp("heads")
    frame = pandas.DataFrame(
        {
            "text": TEXTS,
            "length": [len(text) + 100 * (i % 3) for i, text in enumerate(TEXTS)],
            "account": [i % 3 for i in range(len(TEXTS))],
            "season": ["winter" if "winter" in text else "other" for text in TEXTS],
        }
    )
    frame.to_parquet(folder / "posts.parquet")
    for name, more in (("length", ["--group", "account"]), ("season", [])):
        result = cli("fit", name, folder / "posts.parquet", "--value", name, *more, "--output", folder / name)
        assert result.exit_code == 0, result.stderr
    return folder


def test_people_see_value_interval_and_place(cli, heads):
    text = max(TEXTS, key=len)
    result = cli("predict", f"{heads / 'length'},{heads / 'season'}", text, "--typical", "300")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == text
    assert lines[1].startswith("   length 3")
    assert " to " in lines[1]
    assert "% of the fitted texts" in lines[1]
    assert lines[2].startswith("   season ")
    assert "length: predicted for a group (an account, a test) whose texts typically get 300" in result.stderr


def test_json_says_whose_value_is_whose(cli_json, heads):
    document = cli_json("predict", heads / "length", TEXTS[0], TEXTS[1])
    assert [row["row"] for row in document["predictions"]] == [1, 2]
    found = document["predictions"][0]["properties"]["length"]
    assert set(found) == {"value", "low", "high", "percentile", "probabilities", "head", "reader", "untypical"}
    assert found["low"] < found["value"] < found["high"]
    assert min(found["head"], found["reader"]) - 5 < found["value"] < max(found["head"], found["reader"]) + 5


def test_a_class_has_probabilities(cli_json, heads):
    winter = next(text for text in TEXTS if text.endswith("in winter"))
    found = cli_json("predict", heads / "season", winter)["predictions"][0]["properties"]["season"]
    assert found["value"] == "winter"
    assert sum(found["probabilities"].values()) == pytest.approx(1)
    assert found["low"] is None


def test_a_file_of_texts_becomes_a_file_of_predictions(cli, heads, tmp_path):
    (tmp_path / "in.txt").write_text("\n".join(TEXTS[:5]))
    names = f"{heads / 'length'},{heads / 'season'}"
    result = cli("predict", names, "--input", tmp_path / "in.txt", "--output", tmp_path / "out.csv")
    assert result.exit_code == 0, result.stderr
    frame = pandas.read_csv(tmp_path / "out.csv")
    assert frame["text"].tolist() == TEXTS[:5]
    assert {"length", "length_low", "length_percentile", "season", "season=winter"} <= set(frame)


def test_a_longer_text_stands_higher(cli_json, heads):
    short, long = min(TEXTS, key=len), max(TEXTS, key=len)
    low, high = (
        row["properties"]["length"]["percentile"]
        for row in cli_json("predict", heads / "length", short, long)["predictions"]
    )
    assert low < 0.3 < 0.7 < high


def test_no_text_is_predicted_more_than_all_of_them(cli, cli_json, heads):
    rows = cli_json("predict", heads / "length", *TEXTS)["predictions"]
    most = max(rows, key=lambda row: row["properties"]["length"]["value"])
    assert most["properties"]["length"]["percentile"] > 0.995
    assert "more than 99% of the fitted texts" in cli("predict", heads / "length", most["text"]).stdout


def test_a_head_without_a_reader_speaks_alone(cli, heads, tmp_path):
    alone = tmp_path / "length"
    alone.mkdir()
    for name in ("head.json", "head.safetensors"):
        (alone / name).write_bytes((heads / "length" / name).read_bytes())
    result = cli("predict", alone, "--json", TEXTS[0])
    found = json.loads(result.stdout)["predictions"][0]["properties"]["length"]
    assert found["reader"] is None
    assert found["value"] == found["head"]
    assert "there is no reader beside it" in cli("predict", alone, TEXTS[0]).stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["mood", "a text"], 1, "mood: there is no such head"),
        (["likes,,mood", "a text"], 2, "give each property once, set apart by commas"),
        (["likes,likes", "a text"], 2, "give each property once"),
    ],
)
def test_what_cannot_be_predicted_is_refused(cli, arguments, code, message):
    result = cli("predict", *arguments)
    assert result.exit_code == code
    assert message in result.stderr


def test_a_typical_value_needs_groups(cli, heads):
    result = cli("predict", heads / "season", "--typical", "5", "a text")
    assert result.exit_code == 1
    assert "none of these was" in result.stderr


def test_each_property_has_a_typical_value_of_its_own(cli, cli_json, heads, tmp_path):
    posts = heads / "posts.parquet"
    shares = cli("fit", "shares", posts, "--value", "length", "--group", "account", "--output", tmp_path / "shares")
    assert shares.exit_code == 0, shares.stderr
    both = f"{heads / 'length'},{tmp_path / 'shares'}"
    alike, own, one = (
        cli_json("predict", both, TEXTS[0], *more)["predictions"][0]["properties"]
        for more in (
            ["--typical", "-50"],
            ["--typical", "length=-50", "--typical", "shares=400"],
            ["--typical", "shares=400"],
        )
    )
    assert own["length"] == alike["length"]
    assert own["shares"]["value"] - alike["shares"]["value"] == pytest.approx(450)
    assert one["shares"] == own["shares"]
    assert one["length"]["value"] > alike["length"]["value"]
    told = cli("predict", both, TEXTS[0], "--typical", "shares=400").stderr
    assert "length: predicted for a group (an account, a test) whose texts typically get 1" in told
    assert "shares: predicted for a group (an account, a test) whose texts typically get 400" in told


@pytest.fixture
def kept(cli, tmp_path):
    """What `encode` wrote of a table, each latent marked as none is that is computed."""
    frame = pandas.DataFrame({"text": [*TEXTS[:5], ""], "who": ["me"] * 6})
    frame.to_csv(tmp_path / "posts.csv", index=False)
    assert cli("encode", "--input", tmp_path / "posts.csv", "--output", tmp_path / "kept.parquet").exit_code == 0
    kept = pandas.read_parquet(tmp_path / "kept.parquet")
    kept["z"] = [None if z is None else z + 0.001 for z in kept["z"]]
    kept.to_parquet(tmp_path / "kept.parquet")
    return tmp_path / "kept.parquet"


def test_kept_latents_are_taken_in_place_of_encoding(cli, cli_json, heads, kept, tmp_path, monkeypatch):
    encoded = []
    encode = LatentSpace.encode
    monkeypatch.setattr(
        LatentSpace, "encode", lambda space, texts, **more: encoded.append(list(texts)) or encode(space, texts, **more)
    )
    rows = cli_json("predict", heads / "length", "--latents", kept)["predictions"]
    assert [row["text"] for row in rows] == TEXTS[:5]
    assert encoded == [TEXTS[:5]]  # by which it is known whose latents they are
    found = [row["properties"]["length"] for row in rows]
    anew = cli_json("predict", heads / "length", *TEXTS[:5])["predictions"]
    for one, other in zip(found, anew, strict=True):
        assert one["head"] == pytest.approx(other["properties"]["length"]["head"], rel=0.01)
        assert one["head"] != other["properties"]["length"]["head"]
    encoded.clear()
    result = cli("predict", heads / "length", "--latents", kept, "--output", tmp_path / "out.csv")
    assert result.exit_code == 0, result.stderr
    assert encoded == [TEXTS[:5], ["a text"]]
    frame = pandas.read_csv(tmp_path / "out.csv")
    assert frame["length"].tolist()[:5] == pytest.approx([each["value"] for each in found])
    assert {"who", "row_input"} <= set(frame)
    assert not {"z", "error_input"} & set(frame)
    assert frame["error"].tolist()[5] == "text is empty"


@pytest.mark.parametrize("more", [[], ["--output", "out.csv"]])
def test_latents_that_do_not_fit_are_refused(cli, heads, kept, tmp_path, monkeypatch, more):
    monkeypatch.chdir(tmp_path)
    frame = pandas.read_parquet(kept)[:5]
    frame.assign(z=frame["z"].tolist()[::-1]).to_parquet("others.parquet")
    other = cli("predict", heads / "length", "--latents", "others.parquet", *more)
    assert other.exit_code == 1
    assert "others.parquet: these are latents of another model; encode the texts with this one" in other.stderr
    none = cli("predict", heads / "length", "--latents", heads / "posts.parquet", *more)
    assert none.exit_code == 1
    assert "'z'" in none.stderr
    for texts in ([TEXTS[0]], ["--input", kept], ["--column", "who"]):
        both = cli("predict", heads / "length", "--latents", kept, *texts, *more)
        assert both.exit_code == 2
        assert "its texts are predicted for; leave out others, and --column" in " ".join(both.stderr.split())
    unset = cli("predict", heads / "length", "--latents", "", *more)
    assert unset.exit_code == 2
    assert "no file is named; a variable may be empty" in unset.stderr
    assert not list(tmp_path.glob("*out.csv*"))


def test_two_heads_for_one_property_stand_side_by_side(cli, cli_json, heads, tmp_path):
    posts, other = heads / "posts.parquet", tmp_path / "other"
    assert cli("fit", "length", posts, "--value", "length", "--output", other).exit_code == 0
    both = f"{heads / 'length'},{other}"
    found = cli_json("predict", both, TEXTS[0])["predictions"][0]["properties"]
    assert set(found) == {str(heads / "length"), str(other)}
    assert found[str(other)] == cli_json("predict", other, TEXTS[0])["predictions"][0]["properties"]["length"]
    far = cli_json("predict", both, TEXTS[0], "--typical", "900")["predictions"][0]["properties"]
    assert far[str(heads / "length")]["value"] > 700
    assert far[str(other)] == found[str(other)]  # it has no groups
    assert cli("predict", both, TEXTS[0], "--output", tmp_path / "out.csv").exit_code == 0
    assert {str(heads / "length"), str(other)} <= set(pandas.read_csv(tmp_path / "out.csv"))


@pytest.mark.parametrize(
    ("values", "code", "message"),
    [
        (["shares=4"], 1, "shares: a typical value is for a head that was fitted with groups, here length"),
        (["season=4"], 1, "season: a typical value is for a head that was fitted with groups, here length"),
        (["length=many"], 2, "length=many: write a number, or NAME=VALUE, such as likes=200"),
        (["nan"], 2, "nan: write a number, or NAME=VALUE"),
        (["=5"], 2, "=5: write a number, or NAME=VALUE"),
        (["5", "length=6"], 2, "length=6: give one value for all, or one for each NAME=VALUE"),
        (["5", "6"], 2, "6: give one value for all, or one for each NAME=VALUE"),
        (["length=5", "length=6"], 2, "length=6: give one value for all, or one for each NAME=VALUE"),
    ],
)
def test_typical_values_that_say_nothing_are_refused(cli, heads, values, code, message):
    given = [word for value in values for word in ("--typical", value)]
    result = cli("predict", f"{heads / 'length'},{heads / 'season'}", TEXTS[0], *given)
    assert result.exit_code == code
    assert message in result.stderr


def test_an_account_is_predicted_for_by_its_name(cli, cli_json, heads):
    low, high = (
        cli_json("predict", heads / "length", "--group", account, TEXTS[0])["predictions"][0]["properties"]["length"]
        for account in ("0", "2")
    )
    assert high["value"] - low["value"] == pytest.approx(200, abs=15)
    assert "predicted for the group 2, whose texts" in cli("predict", heads / "length", "--group", "2", "a").stderr
    unknown = cli("predict", heads / "length", "--group", "nobody", TEXTS[0])
    assert unknown.exit_code == 1
    assert "'nobody' is no group that the head was fitted with" in unknown.stderr


def test_of_an_account_that_nothing_is_known_of_the_interval_is_wide(cli, cli_json, heads):
    known, unseen = (
        cli_json("predict", heads / "length", *more, TEXTS[0])["predictions"][0]["properties"]["length"]
        for more in ([], ["--unseen"])
    )
    assert unseen["value"] == known["value"]
    assert unseen["high"] - unseen["low"] > 2 * (known["high"] - known["low"])
    both = cli("predict", heads / "length", "--unseen", "--typical", "5", TEXTS[0])
    assert both.exit_code == 2
    assert "--typical, --group and --unseen each say whose texts they are; give one" in both.stderr


def test_a_text_that_is_like_none_of_the_training_is_warned_of(cli, heads, monkeypatch):
    typicality = toy_space().density.typicality(toy_space().pooled(toy_space().encode(TEXTS)))
    common, rare = TEXTS[int(typicality.argmax())], TEXTS[int(typicality.argmin())]
    monkeypatch.setattr("latentopt.heads.predict.UNTYPICAL", float(typicality.median()))
    assert "hardly any training text is like" not in cli("predict", heads / "season", common).stderr
    strange = cli("predict", heads / "season", common, rare)
    assert strange.exit_code == 0
    assert "hardly any training text is like text 2;" in " ".join(strange.stderr.split())


def test_an_edit_shows_of_a_text_what_is_predicted_for_it(cli, heads):
    text = TEXTS[0]
    both = f"{heads / 'length'},{heads / 'season'}"
    of_edit = ["--maximize", "length", "--maximize", "season", "--typical", "250", "--effort", "0.4"]
    floors = ["--min-fluency", "-99", "--min-meaning", "-1", "--change", "1"]
    named = [word for name in ("length", "season") for word in ("--head", heads / name)]
    result = cli("optimize", "--json", *named, *of_edit, *floors, text)
    assert result.exit_code == 0, result.stderr
    (edit,) = json.loads(result.stdout)["edits"]
    shown = [(text, edit["predicted"]), *((each["text"], each["realised"]) for each in edit["candidates"])]
    assert len(shown) > 1
    result = cli("predict", both, "--json", "--typical", "250", *(text for text, _ in shown))
    for (_, estimates), row in zip(shown, json.loads(result.stdout)["predictions"], strict=True):
        length, season = row["properties"]["length"], row["properties"]["season"]
        for end in ("value", "low", "high"):
            assert estimates["length"][end] == pytest.approx(length[end], rel=1e-4)
        assert length["head"] != pytest.approx(length["value"], rel=1e-4)  # it is not the head's word alone
        assert estimates["season=winter"]["value"] == pytest.approx(season["probabilities"]["winter"], rel=1e-4)

import json

import pandas
import pytest

from latentopt.cli.head_report import rounded
from latentopt.heads import read_head
from latentopt.space import LatentSpace
from tests.toy import toy_texts

TEXTS = toy_texts(200, seed=6)


@pytest.fixture
def posts(tmp_path):
    frame = pandas.DataFrame(
        {
            "text": TEXTS,
            "likes": [len(text) ** 3 % 997 for text in TEXTS],
            "account": [i % 3 for i in range(len(TEXTS))],
            "season": ["winter" if "winter" in text else "other" for text in TEXTS],
            "owed": [-1 if i % 100 == 7 else (i % 7) ** 4 for i in range(len(TEXTS))],
        }
    )
    frame.to_parquet(tmp_path / "posts.parquet")
    return tmp_path / "posts.parquet"


def test_a_head_is_fitted_saved_and_used(cli, posts, tmp_path):
    head = tmp_path / "likes"
    result = cli("fit", "likes", posts, "--value", "likes", "--group", "account", "--output", head)
    assert result.exit_code == 0, result.stderr
    assert "a constant" in result.stdout
    assert "TF-IDF ridge" in result.stdout
    assert "the 3 groups alone explain" in result.stdout
    assert "Predicts for a group (an account, a test) whose texts typically get" in result.stdout
    assert f"next: latentopt optimize --head {head} --target likes=" in result.stderr
    used = cli("optimize", "--head", head, "--target", "likes=300", "--json", TEXTS[0])
    assert used.exit_code == 0, used.stderr


@pytest.mark.parametrize(("value", "shown"), [(-0.0004, "0.000"), (-0.0, "0.000"), (-0.0006, "-0.001")])
def test_nothing_is_less_than_nothing_in_a_report(value, shown):
    assert f"{rounded(value, 3):.3f}" == shown


def test_latents_that_were_kept_give_the_same_head(cli, cli_json, posts, tmp_path, monkeypatch):
    arguments = "likes", posts, "--value", "likes", "--group", "account"
    anew = cli_json("fit", *arguments, "--output", tmp_path / "anew")["report"]
    latents = tmp_path / "latents.parquet"
    assert cli("encode", "--input", posts, "--output", latents).exit_code == 0
    encoded = []
    encode = LatentSpace.encode
    monkeypatch.setattr(
        LatentSpace, "encode", lambda space, texts, **more: encoded.append(len(texts)) or encode(space, texts, **more)
    )
    kept = cli_json("fit", *arguments, "--output", tmp_path / "kept", "--latents", latents)["report"]
    assert sum(encoded) == 16  # by which it is known whose latents they are
    assert kept["head"] == pytest.approx(anew["head"], abs=1e-4)


def test_texts_without_kept_latents_are_told_of(cli, posts, tmp_path):
    latents = tmp_path / "latents.parquet"
    assert cli("encode", *TEXTS[:150], "--output", latents).exit_code == 0
    left = sum(text not in TEXTS[:150] for text in TEXTS)
    result = cli("fit", "likes", posts, "--value", "likes", "--latents", latents, "--output", tmp_path / "likes")
    assert result.exit_code == 0, result.stderr
    assert f"holds {200 - left} of the 200 texts; the others were encoded" in result.stderr


def test_a_head_that_tells_nothing_says_so(cli, tmp_path):
    pandas.DataFrame({"text": TEXTS[:1] * 30, "likes": range(30)}).to_csv(tmp_path / "alike.csv")
    result = cli("fit", "likes", tmp_path / "alike.csv", "--value", "likes", "--output", tmp_path / "likes")
    assert result.exit_code == 0, result.stderr
    assert "the same is predicted for all. Give more rows." in result.stdout
    used = cli("predict", tmp_path / "likes", *TEXTS[:2])
    assert "so that the same is predicted for all; fit it on more rows" in used.stderr
    lines = used.stdout.splitlines()
    assert lines[1] == lines[3]


def test_the_document_has_the_report(cli_json, posts, tmp_path):
    head = tmp_path / "likes"
    document = cli_json(
        "fit", "likes", posts, "--value", "likes", "--group", "account", "--typical", "50", "--output", head
    )
    assert document["head"] == {
        "name": "likes",
        "directory": str(head),
        "kind": "ridge",
        "parameters": document["head"]["parameters"],
        "typical": pytest.approx(50),
    }
    assert {"rows", "scale", "constant", "tfidf_ridge", "head", "within_groups"} <= set(document["report"])
    assert json.loads((head / "head.json").read_text())["metrics"] == document["report"]


def test_what_is_typical_may_be_below_0(cli_json, posts, tmp_path):
    words = "fit", "owed", posts, "--value", "owed", "--scale", "identity", "--group", "account"
    document = cli_json(*words, "--typical", "-3", "--output", tmp_path / "owed")
    assert document["head"]["typical"] == pytest.approx(-3)
    predict = "predict", tmp_path / "owed", TEXTS[0]
    low, same = (cli_json(*predict, *more)["predictions"][0] for more in (["--typical", "-40"], []))
    assert low["properties"]["owed"]["value"] == pytest.approx(same["properties"]["owed"]["value"] - 37)


def test_classes_are_fitted_too(cli, posts, tmp_path):
    result = cli("fit", "season", posts, "--value", "season", "--output", tmp_path / "season", "--family", "mlp")
    assert result.exit_code == 0, result.stderr
    assert "TF-IDF logistic" in result.stdout
    assert "--target season=winter" in result.stderr


def test_classes_are_measured_on_groups_that_were_not_learned_from(cli_json, posts, tmp_path):
    frame = pandas.read_parquet(posts).assign(account=[f"account {i % 40}" for i in range(len(TEXTS))])
    frame.to_parquet(posts)
    arguments = "--value", "season", "--group", "account", "--split", "group", "--output", tmp_path / "season"
    document = cli_json("fit", "season", posts, *arguments)
    assert document["report"]["rows"] == 40
    assert document["head"]["typical"] is None


def test_bad_rows_are_left_out_with_a_warning(cli, tmp_path):
    file = tmp_path / "posts.csv"
    rows = "".join(f"{text},{i}\n" for i, text in enumerate(TEXTS[:40]))
    file.write_text(f"text,likes\n{rows}a good text,many\n")
    result = cli("fit", "likes", file, "--value", "likes", "--output", tmp_path / "likes")
    assert result.exit_code == 0, result.stderr
    assert "row 42: likes is 'many', not a finite number" in result.stderr
    assert "measured on 8 rows" in result.stdout


def test_negative_counts_are_left_out_with_a_warning(cli, tmp_path):
    file = tmp_path / "posts.csv"
    rows = "".join(f"{text},{i}\n" for i, text in enumerate(TEXTS[:40]))
    file.write_text(f"text,likes\n{rows}a good text,many\na bad day,-3\n")
    result = cli("fit", "likes", file, "--value", "likes", "--scale", "log1p", "--output", tmp_path / "likes")
    assert result.exit_code == 0, result.stderr
    assert "row 43: likes is -3, and no count is below 0" in result.stderr
    assert result.stderr.count("row 42: likes is 'many'") == 1
    assert "measured on 8 rows" in result.stdout


def test_texts_of_signs_alone_have_a_baseline(cli, tmp_path):
    file = tmp_path / "posts.csv"
    file.write_text("text,likes\n" + "".join(f"{'!?'[i % 2] * (i + 1)},{i}\n" for i in range(25)), encoding="utf-8")
    result = cli("fit", "likes", file, "--value", "likes", "--output", tmp_path / "likes")
    assert result.exit_code == 0, result.stderr
    assert "TF-IDF ridge" in result.stdout


def test_a_column_of_bools_is_one_of_classes(cli_json, tmp_path):
    frame = pandas.DataFrame({"text": TEXTS, "cold": ["winter" in text for text in TEXTS]})
    frame.to_parquet(tmp_path / "posts.parquet")
    document = cli_json("fit", "cold", tmp_path / "posts.parquet", "--value", "cold", "--output", tmp_path / "cold")
    assert document["head"]["kind"] == "logistic"
    assert document["report"]["classes"] == ["False", "True"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--value", "shares"], 1, "shares"),
        (["--value", "text"], 2, "name the same column"),
        (
            ["--value", "likes", "--typical", "5"],
            2,
            "--typical says which group to predict for; it needs --group COLUMN",
        ),
        (["--value", "season", "--classes", "cold,warm"], 1, "season has none of the classes cold,warm, but 'other'"),
        (
            ["--value", "owed"],
            1,
            "owed has counts, but 2 of 200 are below 0, such as -1; --scale log1p leaves these out",
        ),
        (["--value", "season", "--group", "account"], 1, "season: classes have no levels of groups; --split group"),
        (
            ["--value", "season", "--group", "account", "--split", "group", "--typical", "5"],
            2,
            "--typical is for numbers, but season has classes",
        ),
        (
            ["--value", "likes", "--group", "account", "--scale", "log1p", "--typical", "-3"],
            2,
            "--typical -3: likes has counts of at least 0, and this is none",
        ),
    ],
)
def test_what_cannot_be_fitted_is_refused(cli, posts, tmp_path, arguments, code, message):
    result = cli("fit", "likes", posts, *arguments, "--output", tmp_path / "head")
    assert result.exit_code == code
    assert message in result.stderr
    assert not (tmp_path / "head").exists()


def test_a_folder_that_is_no_head_is_not_written_into(cli, posts, tmp_path):
    result = cli("fit", "likes", posts, "--value", "likes", "--output", tmp_path)
    assert result.exit_code == 2
    assert "holds something that is no head; give another --output" in result.stderr


def test_an_earlier_head_is_overwritten_by_force_alone(cli, posts, tmp_path):
    arguments = "season", posts, "--value", "season", "--output", tmp_path / "season"
    assert cli("fit", *arguments).exit_code == 0
    again = cli("fit", *arguments, "--family", "mlp")
    assert again.exit_code == 2
    assert "holds a head; --force overwrites it" in again.stderr
    assert read_head(tmp_path / "season", space=None).kind == "logistic"
    assert cli("fit", *arguments, "--family", "mlp", "--force").exit_code == 0
    assert read_head(tmp_path / "season", space=None).kind == "mlp-classifier"


def test_rates_are_fitted_from_two_columns(cli, cli_json, tmp_path):
    frame = pandas.DataFrame(
        {
            "text": TEXTS,
            "clicks": [20 + 10 * ("winter" in text) for text in TEXTS],
            "shown": 1000,
            "test": [i // 5 for i in range(len(TEXTS))],
            "image": ["a", "b", "a", "b", "a"] * (len(TEXTS) // 5),
        }
    )
    frame.to_parquet(tmp_path / "posts.parquet")
    words = "fit", "clicks", tmp_path / "posts.parquet", "--value", "clicks", "--of", "shown", "--group", "test,image"
    document = cli_json(*words, "--output", tmp_path / "clicks")
    assert document["report"]["scale"] == "logit"
    assert document["report"]["groups"] == 80
    assert document["report"]["reader"]["r2"] > 0.5
    assert document["report"]["constant"]["r2"] == 0
    assert "r2 and mae are of the log-odds of the value" in cli(*words, "--output", tmp_path / "again").stdout
    assert 0.02 < document["head"]["typical"] < 0.03


def test_classes_may_be_chosen_and_named(cli_json, tmp_path):
    frame = pandas.DataFrame(
        {"text": TEXTS, "label": [0 if "winter" in text else i % 2 + 3 for i, text in enumerate(TEXTS)]}
    )
    frame.to_csv(tmp_path / "posts.csv", index=False)
    options = "--value", "label", "--classes", "0=cold,4=warm", "--output", tmp_path / "cold"
    document = cli_json("fit", "cold", tmp_path / "posts.csv", *options)
    assert document["report"]["classes"] == ["cold", "warm"]


@pytest.mark.parametrize(
    ("column", "options", "code", "message"),
    [
        ("season", ["--scale", "log1p"], 2, "--scale log1p is for numbers, but season has classes, such as 'other'"),
        ("likes", ["--of", "account", "--scale", "identity"], 2, "leave out --kind, --classes and --scale"),
        ("likes", ["--scale", "logit"], 1, "none is left; give another column, or another --scale"),
        ("likes", ["--kind", "numbers", "--classes", "0,1"], 2, "--classes names classes, but --kind says numbers"),
        ("season", ["--kind", "numbers"], 1, "200 of 200 rows cannot be used, which is more than 5%"),
        ("likes", ["--column", "account"], 1, "not a text"),
    ],
)
def test_options_that_do_not_apply_are_refused(cli, posts, tmp_path, column, options, code, message):
    result = cli("fit", "it", posts, "--value", column, *options, "--output", tmp_path / "it")
    assert result.exit_code == code
    assert message in result.stderr


def test_numbers_are_read_as_the_country_writes_them_and_rows_may_be_dropped_if_it_is_said(cli_json, cli, tmp_path):
    file = tmp_path / "posts.csv"
    rows = [f'"{text}","{1 + i % 7}.{i % 10}00,5"' for i, text in enumerate(TEXTS[:60])]
    file.write_text("\n".join(["text,likes", *rows, *(f'"{text}","many"' for text in TEXTS[60:80])]))
    words = "fit", "likes", file, "--value", "likes", "--scale", "identity", "--decimal-comma"
    refused = cli(*words, "--output", tmp_path / "likes")
    assert refused.exit_code == 1
    assert "--kind classes takes words as classes" in " ".join(refused.stderr.split())
    assert not (tmp_path / "likes").exists()
    document = cli_json(*words, "--may-drop", 0.25, "--output", tmp_path / "likes")
    assert document["report"]["rows"] == 12  # a fifth of those that are left
    assert 1000 < read_head(tmp_path / "likes", space=None).level < 8000

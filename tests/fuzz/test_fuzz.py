"""Whatever comes in, a verb ends with 0, or with 1 or 2 and a line of error: no traceback, no hang.

`LATENTOPT_FUZZ=20000 pytest tests/fuzz` makes that many inputs, all tests together.
"""

import gzip
import io
import json
import os
import shutil
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from latentopt.cli import main, options
from latentopt.directions import Direction
from latentopt.heads import save_head
from property_models import RidgeHead
from tests.fuzz.naughty import NAUGHTY
from tests.toy import toy_space, toy_texts

INPUTS = int(os.environ.get("LATENTOPT_FUZZ", "60"))  # all tests together
TESTS = 7
MOST_SECONDS = 30

many = settings(
    max_examples=max(5, INPUTS // TESTS),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="LATENTOPT_FUZZ" not in os.environ,
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A folder with the toy model, a head and a direction of it."""
    import torch

    folder = tmp_path_factory.mktemp("fuzz")
    space = toy_space()
    space.save_pretrained(folder / "model")
    texts = toy_texts(60)
    z = space.pooled(space.encode(texts)).numpy()
    save_head(
        RidgeHead().fit(z, [len(text) for text in texts]), folder / "head", name="length", space=space.fingerprint
    )
    direction = Direction(torch.linspace(-1, 1, space.pooled_dim), name="odd", space=space.fingerprint, strength=1.0)
    direction.save_pretrained(folder / "odd.safetensors")
    return folder


@pytest.fixture
def quick(monkeypatch):
    """No verb loads the model anew."""
    monkeypatch.setattr(options, "open_space", lambda model: toy_space())


def run(*arguments, input=None):
    begun = time.process_time()  # what the machine does beside has no say
    result = CliRunner().invoke(main, [str(word) for word in arguments], input=input)
    told = f"{arguments!r}\n{result.stderr[-2000:]}"
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError(told) from result.exception
    assert result.exit_code in (0, 1, 2), told
    assert "Traceback" not in result.stderr, told
    if result.exit_code:
        assert result.stderr.splitlines()[-1].lower().startswith("error: "), told
    assert time.process_time() - begun < MOST_SECONDS, told
    return result


def _parquet(rows):
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


ROWS = [{"id": 1, "text": "the old baker", "z": [0.0] * 24}, {"id": 2, "text": 'says "hi", often', "z": [1.0] * 24}]
SOUND = {
    "csv": b'id,text,z\n1,the old baker,3\n2,"says ""hi"", often",4\n',
    "tsv": b"id\ttext\tz\n1\tthe old baker\t3\n2\tsays hi\t4\n",
    "json": json.dumps(ROWS, indent=1).encode(),
    "jsonl": "\n".join(map(json.dumps, ROWS)).encode(),
    "js": b"window.YTD.tweets.part0 = " + json.dumps([{"tweet": {"full_text": row["text"]}} for row in ROWS]).encode(),
    "txt": b"the old baker\nsays hi\n",
    "parquet": _parquet(ROWS),
}


@st.composite
def damaged(draw, content):
    """Bytes with some of them changed, put in, taken out, or cut off."""
    found = bytearray(content)
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(found)))
        kind = draw(st.sampled_from(["change", "put in", "take out", "cut", "repeat"]))
        if kind == "change" and place < len(found):
            found[place] = draw(st.integers(0, 255))
        elif kind == "put in":
            pieces = [b'"', b"\n", b"\r", b"\0", b",", b"\xff\xfe", b"\xe9", b"{", b"]", b"\xf0\x9f\x98"]
            found[place:place] = draw(st.one_of(st.binary(max_size=8), st.sampled_from(pieces)))
        elif kind == "take out":
            del found[place : place + draw(st.integers(1, 20))]
        elif kind == "cut":
            del found[place:]
        else:
            found += found[place:]
    return bytes(found[:1_000_000])


@st.composite
def files(draw):
    """A suffix, and bytes that are more or less such a file."""
    name = draw(st.sampled_from(list(SOUND)))
    content = draw(st.one_of(damaged(SOUND[name]), st.binary(max_size=200), st.text(max_size=100).map(encoded)))
    packed = draw(st.sampled_from(["", "", ".gz", ".zst"]))
    if packed == ".gz":
        content = draw(damaged(gzip.compress(content)))
    return f".{name}{packed}", content


def encoded(text):
    return text.encode("utf-8", "surrogatepass")


texts = st.one_of(
    st.sampled_from(NAUGHTY),
    st.text(max_size=60),
    st.lists(st.sampled_from(NAUGHTY[:-6]), min_size=1, max_size=4).map(" ".join),
)


@many
@given(file=files(), verb=st.sampled_from(["encode", "decode", "predict"]), written=st.booleans())
@example(file=(".json", b"[" * 100_000), verb="encode", written=False)
@example(file=(".csv", b'text\n"' + b"a" * 200_000), verb="encode", written=True)
@example(file=(".jsonl", b'{"z": [1e999]}\n{"z": ' + b"[" * 2000), verb="decode", written=True)
def test_bytes(bench, quick, tmp_path_factory, file, verb, written):
    suffix, content = file
    folder = tmp_path_factory.mktemp("bytes")
    path = folder / f"in{suffix}"
    path.write_bytes(content)
    first = {"encode": ["encode", "--input"], "decode": ["decode"], "predict": ["predict", bench / "head", "--input"]}
    to = ["--output", folder / "out.jsonl"] if written else []
    run(*first[verb], path, *to)
    run(*first[verb], "-", *to, "--resume" if written else "--json", input=content)
    shutil.rmtree(folder)


@many
@given(found=st.lists(texts, min_size=1, max_size=3))
@example(found=["x" * 100_000])
def test_texts_are_encoded_and_edited(bench, quick, found):
    for verb in (["encode"], ["predict", bench / "head"]):
        run(*verb, "--", *found, "--json")
    run("apply", bench / "odd.safetensors", "--effort", "0.05", "--", found[0][:200])


LIKED = "text,likes,mood\n" + "".join(f"{text},{len(text)},{'ab'[len(text) % 2]}\n" for text in toy_texts(40, seed=5))
TOLD_APART = "source,target\n" + "".join(f"{text},well {text}\n" for text in toy_texts(12, seed=6))
LEARNERS = {
    "fit": (LIKED, "fit likes FILE --value likes --output head"),
    "fit classes": (LIKED, "fit mood FILE --value mood --output head"),
    "tune": (LIKED, "tune likes FILE --value likes --trials 1 --output head"),
    "direction --pairs": (
        TOLD_APART,
        "direction --pairs FILE --calibrate 1 --effort 0.02 --permutations 20 --output odd.safetensors",
    ),
    "direction --labels": (
        LIKED,
        "direction --labels FILE --label mood --calibrate 1 --effort 0.02 --permutations 20 --output odd.safetensors",
    ),
    "evaluate": (LIKED, "evaluate --input FILE --samples 10 --pairs 5"),
    "evaluate-head": (LIKED, "evaluate-head HEAD FILE --value likes --group mood"),
    "train": (
        LIKED,
        "train FILE --output model --d-model 32 --layers 1 --latent-dim 12 --pooled-dim 8 --vocab-size 300 "
        "--max-tokens 31 --max-steps 2 --eval-steps 2 --batch-size 8",
    ),
}


@many
@given(verb=st.sampled_from(list(LEARNERS)), data=st.data())
def test_what_is_learned_from(bench, quick, tmp_path_factory, monkeypatch, verb, data):
    table, words = LEARNERS[verb]
    folder = tmp_path_factory.mktemp("learned")
    with monkeypatch.context() as here:  # undone alone: `quick` stays
        here.chdir(folder)
        (folder / "posts.csv").write_bytes(data.draw(damaged(table.encode())))
        run(*(word.replace("FILE", "posts.csv").replace("HEAD", str(bench / "head")) for word in words.split()))
    shutil.rmtree(folder)


OPTIONS = """
--input --output --column --format --delimiter --encoding --no-header --batch-size --json --shard --resume --engine
--seed --temperature --top-p --num-beams --typical --target --maximize --head --best --keep --forbid --max-length
--change --optimizer --effort --strength - -- ; tab utf-16 cp1252 cp0 0 -1 1 1/2 2/1 nan 1e9 text z a.b out.csv
out.parquet posts.csv . /nowhere head length=3 length=@text length likes=
"""
WORDS = st.one_of(
    st.sampled_from(OPTIONS.split()),
    st.text(max_size=10).filter(lambda word: "\0" not in word),
)
VERBS = ["encode", "decode", "predict", "optimize", "apply", "interpolate", "sample"]


@many
@given(verb=st.sampled_from(VERBS), words=st.lists(WORDS, max_size=5))
@example(verb="sample", words=["-n", "0"])
@example(verb="decode", words=["\r"])
@example(verb="encode", words=["--input", "a\x1b[31m\u2028b.csv"])
@example(verb="encode", words=["--format", "\r\n"])
def test_options(bench, quick, tmp_path_factory, monkeypatch, verb, words):
    folder = tmp_path_factory.mktemp("options")
    with monkeypatch.context() as here:  # undone alone: `quick` stays
        here.chdir(folder)
        (folder / "posts.csv").write_bytes(SOUND["csv"])
        shutil.copytree(bench / "head", folder / "head")
        run(verb, *words, input=b"the old baker\n")
    shutil.rmtree(folder)


@many
@given(data=st.data())
def test_damaged_models(bench, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged") / "model"
    shutil.copytree(bench / "model", folder)
    name = data.draw(st.sampled_from(sorted(path.name for path in folder.iterdir() if path.is_file())))
    _damage(folder / name, data)
    run("encode", "--model", folder, "the old baker")
    shutil.rmtree(folder)


@many
@given(data=st.data())
def test_damaged_heads(bench, quick, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged") / "head"
    shutil.copytree(bench / "head", folder)
    name = data.draw(st.sampled_from(sorted(path.name for path in folder.iterdir())))
    _damage(folder / name, data)
    run("predict", folder, "the old baker")
    shutil.rmtree(folder)


@many
@given(data=st.data())
def test_damaged_directions(bench, quick, tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damaged") / "odd.safetensors"
    shutil.copy(bench / "odd.safetensors", path)
    _damage(path, data)
    run("apply", path, "--effort", "0.05", "the old baker")
    path.unlink()


def test_quantiles_that_do_not_fit_are_damage(bench, quick, tmp_path):
    shutil.copytree(bench / "head", tmp_path / "head")
    file = tmp_path / "head" / "head.json"
    about = json.loads(file.read_text())
    about["quantiles"][0].pop()
    file.write_text(json.dumps(about))
    assert "the head is damaged" in run("predict", tmp_path / "head", "the old baker").stderr


def test_a_tokenizer_without_an_end_is_damage(bench, tmp_path):
    shutil.copytree(bench / "model", tmp_path / "model")
    file = tmp_path / "model/tokenizer_config.json"
    file.write_text(file.read_text().replace('"eos_token"', '"os_token"'))
    assert "the tokenizer does not fit the model" in run("encode", "--model", tmp_path / "model", "a").stderr


def _damage(path: Path, data) -> None:
    content = path.read_bytes()
    head = content[:4000]  # where the headers are: flips among the weights are just other weights
    path.write_bytes(data.draw(damaged(head)) + content[4000:])


def test_there_are_as_many_tests_as_share_the_inputs():
    assert sum(name.startswith("test_") and hasattr(test, "hypothesis") for name, test in globals().items()) == TESTS

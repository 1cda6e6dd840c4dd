"""Many rows into a file: whatever stops a run, its end is that of an undisturbed one."""

import json
import sys
import tracemalloc
from dataclasses import replace

import pandas as pd
import pyarrow.parquet as pq
import pytest

from latentopt.batch import Input, Work, finishing, part_of, run
from latentopt.batch.journal import Journal
from latentopt.errors import LatentoptError
from latentopt.tables import Row


class Shout(Work):
    """Texts in capitals; some cannot be shouted."""

    results = ("loud", "length")

    def __init__(self, *, stop_at: str | None = None, copies: int = 1) -> None:
        self.stop_at, self.copies = stop_at, copies
        self.seen: list[str] = []

    def compute(self, rows):
        texts = self.values(rows)
        if self.stop_at in texts:
            raise KeyboardInterrupt
        if any(text == "hush" for text in texts):
            raise LatentoptError("nobody shouts hush")
        self.seen += texts
        return [[{"loud": text.upper(), "length": len(text)}] * self.copies for text in texts]


@pytest.fixture
def posts(tmp_path):
    path = tmp_path / "posts.csv"
    rows = "".join(f"{n},text {n},{n / 4}\n" for n in range(1, 8))
    path.write_text(f"id,text,length\n{rows}8,,2\n9,hush,2\n10,last,2\n")
    return Input(path)


def do(source, output, work=None, **options):
    work = work or Shout()
    options = {"settings": {"verb": "shout"}, "chunk": 3} | options
    return run(lambda: work, source, output, **options)


def stopped(source, output, at="text 5", **options):
    with pytest.raises(KeyboardInterrupt):
        do(source, output, Shout(stop_at=at), **options)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_results_stand_beside_the_columns_of_the_input_and_errors_beside_their_rows(posts, tmp_path, suffix):
    output = tmp_path / f"out.{suffix}"
    report = do(posts, output)
    read = {"csv": pd.read_csv, "jsonl": lambda path: pd.read_json(path, lines=True), "parquet": pd.read_parquet}
    frame = read[suffix](output)
    assert list(frame) == ["row", "text", "id", "length_input", "loud", "length", "error"]
    assert frame["row"].tolist() == list(range(2, 12))
    assert frame["loud"].dropna().tolist() == [f"TEXT {n}" for n in range(1, 8)] + ["LAST"]
    assert frame["error"].dropna().tolist() == ["text is empty", "nobody shouts hush"]
    assert [int(value) for value in frame["id"]] == list(range(1, 11))
    assert (report.rows, report.records, report.faulty, report.resumed) == (10, 10, 2, 0)
    assert report.errors == [
        Row(9, {}, "text is empty", str(posts.path)),
        Row(10, {}, "nobody shouts hush", str(posts.path)),
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"out.{suffix}", "posts.csv"]


def test_texts_alone_are_a_file_of_lines(posts, tmp_path):
    class Text(Shout):
        called = None
        results = ("text",)

        def compute(self, rows):
            return [[{"text": "two\nlines"}] for _ in rows]

    do(posts, tmp_path / "out.txt", Text())
    assert (tmp_path / "out.txt").read_text() == "two lines\n" * 9


def test_a_row_may_give_several_records(posts, tmp_path):
    do(posts, tmp_path / "out.jsonl", Shout(copies=2))
    rows = [json.loads(line)["row"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert rows == [2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 10, 11, 11]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_an_interrupted_run_goes_on_where_it_was(posts, tmp_path, suffix):
    whole, output = tmp_path / f"whole.{suffix}", tmp_path / f"out.{suffix}"
    do(posts, whole)
    stopped(posts, output)
    assert not output.exists()
    work, told = Shout(), []
    report = do(posts, output, work, resume=True, progress=lambda *done: told.append(done))
    assert work.seen == ["text 4", "text 5", "text 6", "text 7", "last"]
    assert (report.resumed, report.rows) == (3, 10)
    assert told == [(3, 10), (6, 10), (9, 10), (10, 10)]
    assert output.read_bytes() == whole.read_bytes()


def test_a_journal_that_was_cut_anywhere_loses_whole_chunks_alone(posts, tmp_path):
    whole, output = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    do(posts, whole)
    stopped(posts, output, at="last")
    journal = part_of(output).read_bytes()
    for end in range(0, len(journal), 17):
        for rest in (b"", b"\0" * 40, b'{"half": '):
            part_of(output).write_bytes(journal[:end] + rest)
            work = Shout()
            do(posts, output, work, resume=True)
            assert output.read_bytes() == whole.read_bytes()
            assert len(work.seen) == len(set(work.seen)) >= 1
            output.unlink()
            output.with_name(".out.jsonl.done").unlink()


def test_what_was_begun_with_something_else_is_not_gone_on_with(posts, tmp_path):
    output = tmp_path / "out.csv"
    stopped(posts, output)
    with pytest.raises(LatentoptError, match=r"another run: settings\.verb: shout, now whisper; give"):
        do(posts, output, resume=True, settings={"verb": "whisper"})
    with pytest.raises(LatentoptError, match=r"input\.shard: \[1, 1\], now \[1, 2\]"):
        do(replace(posts, shard=(1, 2)), output, resume=True)
    with pytest.raises(LatentoptError, match="chunk: 3, now 5"):
        do(posts, output, resume=True, chunk=5)
    with pytest.raises(LatentoptError, match="--resume goes on with it, or remove it to begin anew"):
        do(posts, output)
    posts.path.write_text("text\nanother\n")
    with pytest.raises(LatentoptError, match=r"input\.content: "):
        do(posts, output, resume=True)


def test_what_is_finished_is_left_alone(posts, tmp_path):
    output = tmp_path / "out.csv"
    assert do(posts, output, resume=True).fresh  # as a job does that may have been interrupted
    before, work = output.stat(), Shout()
    assert not do(posts, output, work, resume=True).fresh
    assert (output.stat().st_mtime_ns, work.seen) == (before.st_mtime_ns, [])
    with pytest.raises(LatentoptError, match=r"nothing to go on with: settings\.verb: shout, now"):
        do(posts, output, resume=True, settings={"verb": "whisper"})
    do(posts, output)  # anew, as it is not said that this goes on
    with pytest.raises(LatentoptError, match="what it is of is not known"):
        do(posts, output, resume=True)


def test_one_process_writes_an_output(posts, tmp_path):
    output = tmp_path / "out.csv"
    stopped(posts, output)
    job = json.loads(part_of(output).open().readline())
    with Journal(part_of(output), job), pytest.raises(LatentoptError, match="another latentopt is writing"):
        do(posts, output, resume=True)


def test_a_system_without_locks_is_named_and_nothing_is_left_there(posts, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)  # as on Windows
    with pytest.raises(LatentoptError, match=r"needs locks of files .*Windows.* or leave out --output"):
        do(posts, tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["posts.csv"]


def test_an_earlier_file_stays_until_all_is_done(posts, tmp_path):
    output = tmp_path / "out.csv"
    output.write_text("earlier")
    stopped(posts, output)
    assert output.read_text() == "earlier"


def test_rows_that_all_have_errors_are_no_result(tmp_path):
    with pytest.raises(
        LatentoptError, match="no row is left to work on; arguments, row 1: text is empty; give at least one"
    ):
        do(Input(None, texts=[" "]), tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == []


def test_work_that_cannot_be_made_leaves_nothing_in_the_way_and_what_was_kept_as_it_is(posts, tmp_path):
    output = tmp_path / "out.csv"

    def nobody():
        raise LatentoptError("likees: there is no such head")

    def begin(**more):
        with pytest.raises(LatentoptError, match="there is no such head"):
            run(nobody, posts, output, settings={"verb": "shout"}, chunk=3, **more)

    begin()
    assert not part_of(output).exists()
    stopped(posts, output)
    kept = part_of(output).read_bytes()
    begin(resume=True)
    assert part_of(output).read_bytes() == kept


def test_shards_are_the_whole(posts, tmp_path):
    do(posts, tmp_path / "whole.jsonl")
    for i in (1, 2, 3):
        do(replace(posts, shard=(i, 3)), tmp_path / f"{i}.jsonl")
    lines = [(tmp_path / f"{i}.jsonl").read_text().splitlines() for i in (1, 2, 3)]
    assert [len(each) for each in lines] == [4, 3, 3]
    assert sorted(line for each in lines for line in each) == sorted(
        (tmp_path / "whole.jsonl").read_text().splitlines()
    )


def test_a_shard_without_rows_is_named(tmp_path):
    with pytest.raises(LatentoptError, match="shard 3/4 has no row: the input has fewer than 3; take fewer shards"):
        do(Input(None, texts=["a", "b"], shard=(3, 4)), tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == []


def test_values_of_any_kind_are_carried_along(tmp_path):
    rows = [
        {"text": "a", "n": 1, "tags": ["x"], "user": {"name": "ann"}, "odd": 1},
        {"text": "b", "n": 2.5, "tags": [], "user": None, "odd": "two", "late": True},
        {"text": "\ud83d", "n": 2**70, "odd": None},
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    source = Input(tmp_path / "in.jsonl")
    do(source, tmp_path / "out.jsonl")
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [{name: value for name, value in row.items() if name in rows[0]} for row in found[:2]] == [
        {name: value for name, value in row.items() if name in rows[0]} for row in rows[:2]
    ]
    assert (found[2]["text"], found[2]["n"], found[2]["error"]) == ("\\ud83d", 2**70, "text is not valid UTF-8")
    do(source, tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet").to_pydict()
    assert table["odd"] == ["1", "two", None]
    assert table["n"] == ["1", "2.5", str(2**70)]
    assert table["tags"] == [["x"], [], None]
    assert table["late"] == [None, True, None]
    do(source, tmp_path / "out.csv")
    assert pd.read_csv(tmp_path / "out.csv")["user"][0] == '{"name": "ann"}'


def test_memory_does_not_grow_with_the_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(finishing, "GROUP", 500)  # of thousands, fewer rows would be one
    peaks = []
    for n in (3000, 9000):
        path = tmp_path / f"{n}.csv"
        path.write_text("id,text\n" + "".join(f"{i},a text of some length {i}\n" for i in range(n)))

        class Quiet(Shout):
            def compute(self, rows):
                return [[{"loud": text.upper(), "length": 1}] for text in self.values(rows)]

        for suffix in ("jsonl", "csv", "parquet"):
            tracemalloc.start()
            do(Input(path), tmp_path / f"{n}.{suffix}", Quiet(), chunk=150)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    for few, many in zip(peaks[:3], peaks[3:], strict=True):
        assert many < 1.1 * few

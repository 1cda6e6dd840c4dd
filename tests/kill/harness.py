"""SIGKILL at random moments: run again, and the end is that of an undisturbed run.

A kill costs a fork and not a start of Python (`tests.kill.child`). `experiments/killed/run.py` runs many; the tests
run a few.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import resource
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from latentopt.batch import part_of
from tests.kill import child
from tests.toy import toy_space, toy_texts

ROWS = 24
# The toy knows little, and a third of the rows takes long enough.
LOOSE = [
    "--min-fluency",
    "-9",
    "--min-meaning",
    "-1",
    "--change",
    "1",
    "--effort",
    "0.1",
    "--shard",
    "1/3",
]
ACTORS = ["--engine", "ray", "--workers", "2"]
SEARCH = ["--family", "ridge", "--trials", "12"]
TINY = [
    *("--d-model", "32", "--layers", "1", "--latent-dim", "12", "--pooled-dim", "8", "--vocab-size", "300"),
    *("--max-tokens", "31", "--max-steps", "12", "--eval-steps", "2", "--batch-size", "8"),
]


@dataclass(frozen=True)
class Verb:
    """A command: its arguments, what it makes in its folder, and what is said to it when it goes on."""

    arguments: Sequence[str]
    makes: Sequence[str]
    again: Sequence[str] = ()


class Bench:
    """A folder with a toy model, its heads, a direction and texts, on which verbs are run and killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        toy_space().save_pretrained(folder / "model")
        texts = toy_texts(ROWS, seed=3)
        rows = "".join(f"{i},{text},{len(text) + i % 3}\n" for i, text in enumerate(texts))
        (folder / "posts.csv").write_text(f"id,text,length\n{rows}")
        rows = "".join(f"{text},{len(text) + i % 3}\n" for i, text in enumerate(toy_texts(200, seed=4)))
        (folder / "many.csv").write_text(f"text,length\n{rows}")
        pairs = "".join(f"{text},{text.replace('the', 'our')} today\n" for text in dict.fromkeys(texts))
        (folder / "pairs.csv").write_text(f"source,target\n{pairs}")
        self.must(["fit", "length", "many.csv", "--value", "length", "--output", "head"], folder)
        self.must(["direction", "--pairs", "pairs.csv", "--output", "today.safetensors", "--calibrate", "1"], folder)
        self.must(["encode", "--input", "posts.csv", "--output", "z.parquet"], folder)

    def must(self, arguments: Sequence[str], where: Path) -> float:
        """Run a verb to its end; returns its seconds."""
        begun = time.monotonic()
        process = child.start(self._command(arguments), where)
        process.join()
        assert process.exitcode == 0, _told(arguments, process.exitcode, where)
        return time.monotonic() - begun

    def kill(self, arguments: Sequence[str], where: Path, after: float) -> bool:
        """Run a verb and kill it after some seconds; whether it was still alive."""
        process = child.start(self._command(arguments), where)
        process.join(after)
        process.kill()
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL), _told(arguments, process.exitcode, where)
        return process.exitcode != 0

    def kill_midway(self, arguments: Sequence[str], where: Path, output: str) -> None:
        """Run a verb on many rows, and kill it when the first of them are kept."""
        process = child.start(self._command(arguments), where)
        kept = part_of(where / output)
        while process.is_alive() and not (kept.exists() and kept.read_bytes().count(b"\n") > 1):
            process.join(0.05)
        process.kill()
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL), _told(arguments, process.exitcode, where)

    def ended(
        self, arguments: Sequence[str], where: Path, *, prepare: child.Prepare | None = None
    ) -> tuple[int | None, str]:
        """Run a verb to whatever end, in a child that has prepared itself: its exit code, and what it said."""
        reading, writing = multiprocessing.Pipe(duplex=False)  # a full disk does not silence it
        process = child.start(self._command(arguments), where, prepare=prepare, said=writing)
        writing.close()
        with os.fdopen(os.dup(reading.fileno()), encoding="utf-8") as said:
            words = said.read()
        process.join()
        return process.exitcode, words

    def _command(self, arguments: Sequence[str]) -> list[str]:
        verb, *rest = arguments
        return [*arguments] if verb == "train" else [verb, "--model", str(self.folder / "model"), *rest]

    def disturbed(self, name: str, verb: Verb, where: Path, rng: random.Random, kills: int, seconds: float) -> int:
        """Run a verb to its end, having killed it so often at random moments; returns the kills that hit."""
        hits = 0
        arguments = [*verb.arguments, *verb.again]
        for _ in range(kills):
            hits += self.kill(arguments, where, rng.uniform(0, 1.05 * seconds))
            self.check_whole(name, verb, where)
        self.must(arguments, where)
        return hits

    def check_whole(self, name: str, verb: Verb, where: Path) -> None:
        """What bears its name after a kill is whole: the file of an undisturbed run, as it was or as it will be."""
        for made in verb.makes:
            if (where / made).exists():
                assert digest(where / made) == digest(self.folder / "whole" / name / made), made


def verbs(folder: Path) -> dict[str, Verb]:
    """The commands that are killed, by their names; "ray" is one whose rows are worked on by actors."""
    posts = ["--input", str(folder / "posts.csv")]
    small = ["--batch-size", "1"]
    many = ["--resume"]
    wishing = ["optimize", "--head", str(folder / "head"), "--target", "length=@length"]
    mining = ["direction", "--pairs", str(folder / "pairs.csv"), "--calibrate", "1"]
    moving = ["apply", str(folder / "today.safetensors")]
    return {
        "encode": Verb(["encode", *posts, *small, "--output", "z.parquet"], ["z.parquet"], many),
        "ray": Verb(["encode", *posts, *small, *ACTORS, "--output", "z.parquet"], ["z.parquet"], many),
        "decode": Verb(
            ["decode", str(folder / "z.parquet"), *small, "--temperature", "1", "--output", "t.csv"], ["t.csv"], many
        ),
        "predict": Verb(["predict", str(folder / "head"), *posts, *small, "--output", "p.jsonl"], ["p.jsonl"], many),
        "optimize": Verb(
            [*wishing, *posts, *LOOSE, "--output", "e.csv"],
            ["e.csv"],
            many,
        ),
        "apply": Verb([*moving, *posts, *LOOSE, "--output", "a.csv"], ["a.csv"], many),
        "fit": Verb(
            ["fit", "length", str(folder / "many.csv"), "--value", "length", "--output", "head", "--force"], ["head"]
        ),
        "direction": Verb([*mining, "--output", "today.safetensors"], ["today.safetensors"]),
        "tune": Verb(
            ["tune", "length", str(folder / "many.csv"), "--value", "length", *SEARCH, "--output", "head", "--force"],
            ["head"],
        ),
        "train": Verb(
            ["train", str(folder / "many.csv"), *TINY, "--output", "model"],
            [f"model/{name}" for name in ("model.safetensors", "config.json", "density.safetensors", "tokenizer.json")],
        ),
    }


def digest(path: Path) -> str:
    """SHA-256 of a file, or of the files in a folder."""
    found = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        if file.is_file():
            found.update(str(file.relative_to(path)).encode() + file.read_bytes())
    return found.hexdigest()


def undisturbed(bench: Bench, name: str, verb: Verb) -> float:
    """Run a verb in a folder of its own, with whose end others are compared; returns its seconds."""
    where = bench.folder / "whole" / name
    where.mkdir(parents=True)
    seconds = bench.must(verb.arguments, where)
    for made in verb.makes:
        assert (where / made).exists()
    return seconds


def few_bytes(most: int) -> child.Prepare:
    """What makes a disk full for a process: no file of its own may have more bytes."""
    return partial(_limit_files, most)


def _limit_files(most: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def _told(arguments: Sequence[str], code: int | None, where: Path) -> str:
    return f"{' '.join(arguments)}: exit {code}\n{(where / 'said').read_text()[-2000:]}"

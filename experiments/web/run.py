"""How long one person waits for a first edit; how long many wait, what fails, and whether memory stays flat.

    python experiments/web/run.py --minutes 5 --users 10

starts `latentopt app` on a free port of this machine, and sends it, and nothing else, what a browser would: each text
once, with nobody else there, and then many people at once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

WARMING = "Thank you to everyone who came out tonight"  # not one of those that are measured
TEXTS = (
    "The bakery opens at seven and the bread is warm",
    "Our choir sings in the old church on Friday",
    "I planted tomatoes and it has rained ever since",
    "The new bridge is closed again this week",
    "My neighbour has a very loud drum",
    "Come and see the boats when the tide is in",
    "The library has a room full of maps now",
    "Nobody told me that the shop is shut today",
    "We walked ten miles and saw two foxes",
    "The soup was cold but the waiter was kind",
)
MOST_REQUESTS = 200  # of one user: the loop ends by itself
TIMEOUT = 300  # seconds, of one request
SOON = 10  # seconds in which a person shall have something to read
COUNTED = (
    "seconds from the click to the first edit on the screen, not to the word that there is none so far; median and "
    "longest are of the texts that have an edit, none_better is how many have none at the end"
)


class Answer(NamedTuple):
    """What came of a click.

    first: seconds to the first edit on the screen, None if none came. whole: to the end. short: whether it ended with
    what was found at first since others were waiting.
    """

    first: float | None
    whole: float
    short: bool


@dataclass
class Met:
    """What people met: answers, and errors in words."""

    answers: list[Answer] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class User:
    """What a browser sends when “Write edits” is pressed."""

    def __init__(self, url: str, name: str) -> None:
        self.url, self.name = url, name
        config = json.loads(urllib.request.urlopen(f"{url}config", timeout=TIMEOUT).read())
        parts = {part["id"]: part["props"] for part in config["components"]}
        (button,) = [place for place, props in parts.items() if props.get("elem_id") == "write"]
        (self.event,) = [event for event in config["dependencies"] if [button, "click"] in event["targets"]]
        self.rest = [parts[place].get("value") for place in self.event["inputs"][1:]]  # all fields but the text

    def write(self, text: str) -> Answer:
        """Edits of a text; raises RuntimeError for what a person would see as an error."""
        begun, first = time.monotonic(), None
        session = f"{self.name}-{random.getrandbits(40):x}"
        document = {"data": [text, *self.rest], "fn_index": self.event["id"], "session_hash": session}
        self._post("gradio_api/queue/join", document)
        short = False
        with urllib.request.urlopen(f"{self.url}gradio_api/queue/data?session_hash={session}", timeout=TIMEOUT) as said:
            for line in said:
                if not line.startswith(b"data: "):
                    continue
                message = json.loads(line[6:])
                short = short or b"Others are waiting" in line
                if b"fulfils the wish" in line:
                    raise RuntimeError("the page's wish is none: nothing would be measured")
                if first is None and b"data-text" in line:  # the card of an edit
                    first = time.monotonic() - begun
                if message["msg"] == "process_completed":
                    if not message["success"]:
                        raise RuntimeError(f"failed: {message['output']}")
                    return Answer(first, time.monotonic() - begun, short)
        raise RuntimeError("the answer broke off")

    def _post(self, path: str, document: dict[str, Any]) -> None:
        request = urllib.request.Request(
            self.url + path, json.dumps(document).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request, timeout=TIMEOUT).read()


def use(url: str, name: str, until: float, pause: float, met: Met) -> None:
    """One person who writes, reads for a while, and writes again."""
    draw = random.Random(name)
    user = User(url, name)
    for _ in range(MOST_REQUESTS):
        if time.monotonic() > until:
            break
        try:
            met.answers.append(user.write(draw.choice(TEXTS)))
        except Exception as error:  # whatever it is, a person would see it
            met.errors.append(str(error))
        time.sleep(min(draw.uniform(0.5, 1.5) * pause, max(0.0, until - time.monotonic())))


def alone(answers: Sequence[Answer]) -> dict[str, Any]:
    """How long one person waits for an edit, of the answers to TEXTS in their order."""
    edited = [answer.first for answer in answers if answer.first is not None]
    return {
        "counted": COUNTED,
        "texts": len(answers),
        "none_better": len(answers) - len(edited),
        f"first_within_{SOON}_s": sum(first <= SOON for first in edited),
        "first_median": round(median(edited), 2) if edited else None,
        "first_longest": round(max(edited), 2) if edited else None,
        "first": [None if answer.first is None else round(answer.first, 2) for answer in answers],
        "whole": [round(answer.whole, 2) for answer in answers],
    }


def among(met: Met) -> dict[str, Any]:
    """How long each of many waits: to the first edit or, where there is none, to the end, which says so."""
    first = [answer.whole if answer.first is None else answer.first for answer in met.answers]
    whole = [answer.whole for answer in met.answers]
    return {
        "requests": len(met.answers),
        "short": sum(answer.short for answer in met.answers),
        "none_better": sum(answer.first is None for answer in met.answers),
        "errors": met.errors,
        "first_median": round(median(first), 2),
        "first_longest": round(max(first), 2),
        "whole_median": round(median(whole), 2),
        "whole_longest": round(max(whole), 2),
    }


def resident(process: int) -> float:
    """MiB that a process holds in memory (Linux)."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def switched(process: int) -> int:
    """How often threads of a process have gone to sleep by themselves (Linux): helpers that wait for work, mostly."""
    tasks = Path(f"/proc/{process}/task").glob("*/status")
    return sum(int(task.read_text().split("\nvoluntary_ctxt_switches:")[1].split()[0]) for task in tasks)


def worked(process: int) -> float:
    """Seconds that a process has computed (Linux)."""
    user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=5, help="of many people; 0: one person alone")
    options.add_argument("--users", type=int, default=10)
    options.add_argument("--pause", type=float, default=20, help="seconds that a person reads, on average")
    options.add_argument("--model", help="directory of a model; the bundled one by default")
    options.add_argument("--output", type=Path, help="write what was measured as JSON")
    chosen = options.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "-m", "latentopt", "app", "--port", str(port)]
    server = subprocess.Popen(command + (["--model", chosen.model] if chosen.model else []))
    try:
        for _ in range(120):
            if server.poll() is not None:
                raise SystemExit("the page ended before it was served; its own words are above")
            try:
                urllib.request.urlopen(f"{url}config", timeout=2).read()
                break
            except OSError:
                time.sleep(1)
        User(url, "warm").write(WARMING)
        one, slept, before = User(url, "alone"), switched(server.pid), worked(server.pid)
        first = alone([one.write(text) for text in TEXTS])
        first["cores_had"] = round((worked(server.pid) - before) / sum(first["whole"]), 2)
        first["slept_per_text"] = round((switched(server.pid) - slept) / len(TEXTS))
        print(json.dumps(first, indent=2), file=sys.stderr, flush=True)
        met, memory = Met(), [resident(server.pid)]
        begun, before = time.monotonic(), worked(server.pid)
        until = time.monotonic() + 60 * chosen.minutes
        users = [
            threading.Thread(target=use, args=(url, f"user{i}", until, chosen.pause, met)) for i in range(chosen.users)
        ]
        for user in users:
            user.start()
        while any(user.is_alive() for user in users):
            time.sleep(5)
            memory.append(resident(server.pid))
        computed, passed = worked(server.pid) - before, time.monotonic() - begun
    finally:
        server.terminate()
        server.wait(30)
    found: dict[str, Any] = {"alone": first}
    if met.answers:
        half = len(memory) // 2
        found |= {
            "minutes": chosen.minutes,
            "users": chosen.users,
            "pause": chosen.pause,
            "among_users": among(met),
            "computed_per_request": round(computed / len(met.answers), 2),
            "cores_had": round(computed / passed, 2),
            "memory_mib": [round(memory[0]), round(max(memory[:half] or memory)), round(max(memory[half:]))],
        }
    print(json.dumps(found, indent=2))
    if chosen.output:
        chosen.output.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()

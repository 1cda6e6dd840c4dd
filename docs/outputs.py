"""Put what commands print into README and Get started, where it is shown beneath them.

    python docs/outputs.py

runs each block of one `latentopt optimize` in examples/, and replaces the block beneath it. Half a minute each.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
PAGES = ("README.md", "docs/get-started.md")
INSTALLING = ("python3 -m venv", "pip install")
SHOWN = re.compile(
    r"(?P<before>^```sh\n(?P<typed>(?:(?!```).)*?)^```\n\n^```(?:text)?\n)(?P<printed>.*?)(?=^```$)", re.M | re.S
)


def printed(match: re.Match[str]) -> str:
    """The two blocks, with what the command prints now."""
    commands = [line for line in match["typed"].splitlines() if not line.startswith(INSTALLING)]
    if len(commands) != 1 or not commands[0].startswith("latentopt optimize"):
        return match[0]
    command = commands[0].replace("latentopt", f"{sys.executable} -m latentopt", 1)
    done = subprocess.run(command, shell=True, cwd=REPOSITORY / "examples", capture_output=True, text=True, check=True)
    print(commands[0], done.stdout, sep="\n")
    return match["before"] + done.stdout.rstrip() + "\n"


def main() -> None:
    """Run all, and write the pages anew."""
    for name in PAGES:
        page = REPOSITORY / name
        page.write_text(SHOWN.sub(printed, page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

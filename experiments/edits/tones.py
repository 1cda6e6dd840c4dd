"""Edits towards a class and along a direction, judged: negative tweets made positive, toxic texts made civil.

    python experiments/edits/tones.py --data ../shared/data --judges ../shared/judges --weights ../judges-weights \
        --work runs/edits [--texts 200]

Sources are negative tweets of tweets_labelled/valid, 30 to 110 characters, and sources of pairs/civil/valid, 20 to 110.
`judge_edits.py` judges the best candidate of each, as in run.py; tones.json holds the figures. A judge's meaning of
civil edits must be above 0.5, of others above 0.6.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
from better_profanity import profanity

from latentopt.directions import find
from latentopt.editing import Along, Maximize, TextEditor
from latentopt.heads import load_fitted
from latentopt.space import LatentSpace

HERE = Path(__file__).parent
PRINTED = re.compile(r"^(fluency|meaning|changed|marks|usable|joints|sound) .*?([-+]?[\d.]+)", re.M)
MORE = {"VADER more positive": r"VADER finds (\d+)%", "bag of words upward": r"upward in (\d+)%"}


def drawn(texts: pd.Series, shortest: int, count: int) -> list[str]:
    """Texts of `shortest` to 110 characters."""
    return texts[texts.str.len().between(shortest, 110)].sample(count, random_state=0).tolist()


def sentiment(space: LatentSpace, data: Path, count: int) -> tuple[list[str], TextEditor]:
    """Negative tweets, and an editor that wishes them positive."""
    frame = pd.read_parquet(data / "tweets_labelled/valid.parquet")
    sentiment = load_fitted("sentiment", space)
    head, reader = sentiment.head.for_class("positive"), sentiment.reader
    readers = {} if reader is None else {head.name: reader.for_class("positive")}
    texts = drawn(frame[frame["label"] == "sentiment140_negative"]["text"], 30, count)
    return texts, TextEditor(space, Maximize(head), readers=readers)


def civil(space: LatentSpace, data: Path, count: int) -> tuple[list[str], TextEditor]:
    """Toxic texts, and an editor that wishes them civil."""
    direction = find("civil", space)
    sources = pd.read_csv(data / "pairs/civil/valid.csv")["source"].drop_duplicates()
    return drawn(sources, 20, count), TextEditor(space, Along(direction, direction.strength))


TASKS = {"sentiment": (sentiment, ["--property", "sentiment"]), "civil": (civil, ["--min-meaning", "0.5"])}


def fewer_swear_words(edits: list[dict[str, object]]) -> float:
    """Share of the sources with a word of abuse whose best candidate has fewer of them, in percent."""
    profanity.load_censor_words()

    def count(text: str) -> int:
        return sum(profanity.contains_profanity(word) for word in text.split())

    pairs = [(str(e["source"]), e["candidates"][0]["text"] if e["candidates"] else str(e["source"])) for e in edits]  # type: ignore[index]
    swearing = [(source, text) for source, text in pairs if count(source)]
    return 100 * sum(count(text) < count(source) for source, text in swearing) / max(1, len(swearing))


def main() -> None:
    """Edit, judge, and write tones.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--data", "--judges", "--weights", "--work"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--texts", type=int, default=200)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    space = LatentSpace.from_pretrained()
    results = {}
    for name, (task, options) in TASKS.items():
        file = args.work / f"{name}.json"
        if not file.exists():
            texts, editor = task(space, args.data, args.texts)
            started = time.perf_counter()
            edits = [edit.to_json() for edit in editor.edit(texts)]
            seconds = (time.perf_counter() - started) / len(texts)
            file.write_text(json.dumps({"version": 2, "seconds": seconds, "edits": edits}, ensure_ascii=False))
        document = json.loads(file.read_text())
        command = [sys.executable, str(args.judges / "judge_edits.py"), str(file), "--weights", str(args.weights)]
        command += ["--data", str(args.data), "--show", "0", *options]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = {key: float(value) for key, value in PRINTED.findall(said)}
        found |= {key: float(match.group(1)) for key, pattern in MORE.items() if (match := re.search(pattern, said))}
        if name == "civil":
            found["fewer words of abuse"] = fewer_swear_words(document["edits"])
        results[name] = found | {"texts": len(document["edits"]), "seconds": document["seconds"]}
        print(name, results[name])
    (HERE / "tones.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()

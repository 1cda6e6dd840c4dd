"""Every miner on four changes of tone, judged: which finds directions that texts follow?

    python experiments/tone/run.py --data ../shared/data --judges ../shared/judges --weights ../judges-weights \
        --work runs/tone [--texts 200] [--row civil/shrunk --row civil/map ...] [--pairs 30]

For each change a direction is mined from its train pairs by each miner, and edits sources of its validation pairs. Kept
in --work, which is not part of the repository, for their texts are not ours: edits by row and text, so that a run that
was stopped goes on with the next text. results.json holds the figures of the rows that are done, with bootstrap
intervals (95%), and `pairs` how many pairs a row was mined from: --pairs 30 beside the default says what few do. Its
`miners` are the differences to the first of these, text by text, over those tones of a run of which both are done.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sacrebleu.metrics.chrf import CHRF
from scipy.stats import binomtest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from latentopt.directions import MINERS, Direction, edited_by, mine, pairs_typed_alike, source_ids
from latentopt.editing import Effort
from latentopt.space import LatentSpace

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
TONES = ("civil", "positive", "literal", "shakespeare")
ROWS = [f"{tone}/{miner}" for tone in TONES for miner in MINERS]
PAIRS = 1_000
JUDGE_PAIRS = 3_000  # of the independent classifier: of no pair that a direction was mined from
CALIBRATION = 8
PRINTED = re.compile(r"^(fluency|meaning|changed|marks|usable|joints|sound) .*?([-+]?[\d.]+)", re.M)
SHARES = {"usable", "sound"}  # of all texts
DRAWS = 2000
BEGIN, END = "<!-- tables: made by run.py -->", "<!-- end of tables -->"


def read(data: Path, tone: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Pairs to mine, pairs of the classifier, and validation pairs: no source is in two of them.

    All are typed alike: a classifier of full stops would find every edit well done that has one.
    """
    train, valid = (_typed(data / f"pairs/{tone}/{part}.csv") for part in ("train", "valid"))
    ids = source_ids([*train["source"], *valid["source"]]).numpy()
    train = train.assign(group=ids[: len(train)])
    train = train[~train["group"].isin(ids[len(train) :]) & train["source"].ne(train["target"])]
    drawn = train["group"].drop_duplicates().sample(frac=1, random_state=seed)
    mined = train[train["group"].isin(drawn[: len(drawn) // 2])]
    return mined, train[~train["group"].isin(mined["group"])], valid


def _typed(file: Path) -> pd.DataFrame:
    frame = pd.read_csv(file, usecols=["source", "target"], dtype=str, keep_default_na=False)
    source, target = pairs_typed_alike(frame["source"], frame["target"])
    return pd.DataFrame({"source": source, "target": target})


def sources(valid: pd.DataFrame, count: int) -> pd.DataFrame:
    """Validation pairs of different sources of 20 to 110 characters."""
    fits = valid[valid["source"].str.len().between(20, 110)].drop_duplicates("source")
    return fits.sample(min(count, len(fits)), random_state=0).reset_index(drop=True)


def classifier(pairs: pd.DataFrame) -> Any:
    """A TF-IDF logistic that tells targets from sources; it guides nothing."""
    texts = [*pairs["source"], *pairs["target"]]
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+|[^\w\s]"), LogisticRegression(C=10)
    )
    return model.fit(texts, [0] * len(pairs) + [1] * len(pairs))


def mined(space: LatentSpace, row: str, pairs: pd.DataFrame, count: int, seed: int, file: Path) -> Direction:
    """The direction of a row, mined once."""
    if not file.exists():
        tone, miner = row.split("/")
        drawn = pairs.sample(min(count, len(pairs)), random_state=seed)
        found = mine(
            space,
            drawn["source"],
            drawn["target"],
            name=tone,
            miner=MINERS[miner](space),
            apply=edited_by(space, effort=Effort(rounds=1, rows=16, beam=1, scored=8)),
            calibrate_on=CALIBRATION,
            seed=seed,
        )
        found.direction.save_pretrained(file)
    return Direction.from_pretrained(file, space=space.fingerprint)


def edited(space: LatentSpace, direction: Direction, texts: list[str], file: Path) -> dict[str, Any]:
    """Edits of the texts, one a line in a file: what is there is not edited again."""
    known = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    if [edit["source"] for edit in known][: len(texts)] != texts[: len(known)]:
        raise SystemExit(f"{file} has edits of other texts; move it away, or give another --work")
    apply = edited_by(space)
    with file.open("a") as out:
        for text in texts[len(known) :]:
            started = time.perf_counter()
            (new,) = apply(direction, [text], direction.strength)
            known.append({"source": text, "text": new, "seconds": time.perf_counter() - started})
            out.write(json.dumps(known[-1], ensure_ascii=False) + "\n")
            out.flush()
            print(f"{file.stem}: {len(known)} of {len(texts)}", file=sys.stderr)
    return {"edits": known[: len(texts)]}


def judged(edits: list[dict[str, Any]], options: argparse.Namespace, tone: str) -> dict[str, Any]:
    """What the judges print, as figures; shares of all texts with their intervals (Wilson 1927)."""
    file = options.work / "judged.json"
    file.write_text(json.dumps({"edits": edits}, ensure_ascii=False))
    command = [sys.executable, str(options.judges / "judge_edits.py"), str(file), "--weights", str(options.weights)]
    command += ["--show", "0", "--min-meaning", "0.5" if tone in ("civil", "shakespeare") else "0.6"]
    command += ["--data", str(options.data)] if options.joints else []
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    figures: dict[str, Any] = {name: float(value) for name, value in PRINTED.findall(said)}
    for share in SHARES & figures.keys():
        count = round(figures[share] / 100 * len(edits))
        low, high = binomtest(count, len(edits)).proportion_ci(method="wilson")
        figures[share] = [round(float(x), 4) for x in (count / len(edits), low, high)]
    return figures


def interval(values: np.ndarray, seed: int = 0) -> list[float]:
    """Mean, and its bootstrap interval."""
    draws = np.random.default_rng(seed).choice(values, (DRAWS, len(values))).mean(1)
    return [round(float(x), 4) for x in (values.mean(), *np.quantile(draws, [0.025, 0.975]))]


def each(edits: list[dict[str, Any]], references: list[str], model: Any) -> dict[str, np.ndarray]:
    """Accuracy of the classifier and chrF to the reference of each text, edited, copied and by people: (n,) each."""
    chrf, texts = CHRF(), [edit["text"] for edit in edits]
    copied = [edit["source"] for edit in edits]

    def accuracy(side: list[str]) -> np.ndarray:
        return (model.predict_proba(side)[:, 1] > 0.5).astype(float)

    def to_reference(side: list[str]) -> np.ndarray:
        return np.array([chrf.sentence_score(a, [b]).score for a, b in zip(side, references, strict=True)])

    return {
        "accuracy": accuracy(texts),
        "accuracy of copying": accuracy(copied),
        "accuracy of references": accuracy(references),
        "chrF to the reference": to_reference(texts),
        "chrF of copying": to_reference(copied),
    }


def measured(edits: list[dict[str, Any]], values: dict[str, np.ndarray]) -> dict[str, Any]:
    """Their means with intervals, how many texts are as they were, and what a text took."""
    texts, copied = ([edit[side] for edit in edits] for side in ("text", "source"))
    return {
        **{name: interval(of_each) for name, of_each in values.items()},
        "unchanged": float(np.mean([a == b for a, b in zip(texts, copied, strict=True)])),
        "seconds": float(np.median([edit["seconds"] for edit in edits])),
    }


def beside_the_first(values: dict[str, dict[str, np.ndarray]]) -> dict[str, Any]:
    """By how much each miner's edits differ from those of the first of the same texts, over all tones of both.

    values: of each row, see `each`.
    """
    first, *others = MINERS
    found: dict[str, Any] = {}
    for miner in others:
        pairs = [(f"{tone}/{miner}", f"{tone}/{first}") for tone in TONES]
        pairs = [(a, b) for a, b in pairs if a in values and b in values]
        if pairs:
            found[miner] = {"tones": len(pairs)} | {
                name: interval(np.concatenate([values[a][name] - values[b][name] for a, b in pairs]))
                for name in ("accuracy", "chrF to the reference")
            }
    return found


def write_tables(results: dict[str, Any]) -> None:
    """The rows and the differences of the miners as tables, in README."""

    def share(row: dict[str, Any], name: str) -> str:
        mean, low, high = (100 * x for x in row[name])
        return f"{mean:.0f}% ({low:.0f} to {high:.0f})"

    lines = [
        "| tone/miner | texts | usable | sound | meaning | changed | accuracy | chrF to the reference | strength |",
        "|---" * 9 + "|",
    ]
    rows = {name: row for name, row in results.items() if name != "miners"}
    for name, row in rows.items():
        judged = [share(row, "usable"), share(row, "sound") if "sound" in row else "", f"{row['meaning']:.2f}"]
        chrf = "{:.0f} ({:.0f} to {:.0f})".format(*row["chrF to the reference"])
        cells = [name, row["texts"], *judged, f"{row['changed']:.0f}%", share(row, "accuracy"), chrf, row["strength"]]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    lines += ["", "| tone | accuracy of copying | of people's references | chrF of copying |", "|---|---|---|---|"]
    for tone in TONES:
        of_tone = [row for name, row in rows.items() if name.startswith(tone)]
        if of_tone:
            row = max(of_tone, key=lambda one: one["texts"])
            shares = f"{share(row, 'accuracy of copying')} | {share(row, 'accuracy of references')}"
            lines.append(f"| {tone} | {shares} | {row['chrF of copying'][0]:.0f} |")
    lines += [
        "",
        f"| beside {next(iter(MINERS))} | of a run of | tones | accuracy | chrF to the reference |",
        "|---" * 5 + "|",
    ]
    for tones, miners in results.get("miners", {}).items():
        for miner, row in miners.items():
            mean, low, high = (100 * x for x in row["accuracy"])
            accuracy = f"{mean:+.0f} points ({low:+.0f} to {high:+.0f})"
            chrf = "{:+.1f} ({:+.1f} to {:+.1f})".format(*row["chrF to the reference"])
            lines.append(f"| {miner} | {tones} | {row['tones']} | {accuracy} | {chrf} |")
    readme = HERE / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    readme.write_text("\n".join([before + BEGIN, "", *lines, "", END]) + rest.partition(END)[2])


def main() -> None:
    """Mine, edit and judge the rows that are asked for, and write what was seen of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--data", "--work"):
        parser.add_argument(name, type=Path, required=True)
    for name in ("--judges", "--weights"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--model")
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="to mine from")
    parser.add_argument("--row", action="append", choices=ROWS, help="[default: all]")
    parser.add_argument(
        "--joints", action="store_true", help="count pairs of words unheard of (minutes, the first time)"
    )
    parser.add_argument("--edit-only", action="store_true", help="judge later, on a machine with judges")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if not options.edit_only and not (options.judges and options.weights):
        parser.error("--judges and --weights are needed to judge; or give --edit-only")
    options.work.mkdir(parents=True, exist_ok=True)
    space = LatentSpace.from_pretrained(options.model)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    values: dict[str, dict[str, np.ndarray]] = {}
    for row in options.row or ROWS:
        tone = row.split("/")[0]
        pairs, others, valid = read(options.data, tone, options.seed)
        asked = sources(valid, options.texts)
        stem = f"{row.replace('/', '_')}_{options.pairs}_{space.fingerprint}_{options.seed}"
        direction = mined(space, row, pairs, options.pairs, options.seed, options.work / f"{stem}.safetensors")
        edits = edited(space, direction, asked["source"].tolist(), options.work / f"{stem}.jsonl")["edits"]
        if options.edit_only:
            continue
        model = classifier(others.sample(min(JUDGE_PAIRS, len(others)), random_state=options.seed))
        values[row] = each(edits, asked["target"].tolist(), model)
        found = measured(edits, values[row])
        key = row if options.pairs == PAIRS else f"{row}/{options.pairs}"
        results[key] = (
            found
            | judged(edits, options, tone)
            | {
                "texts": len(edits),
                "pairs": direction.statistics["pairs"],
                "strength": direction.strength,
                "verdict": direction.statistics["verdict"]["words"],
                "space": space.fingerprint,
            }
        )
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
        print(key, results[key])
    if options.pairs == PAIRS and values:
        tones = ", ".join(tone for tone in TONES if any(row.startswith(tone) for row in values))
        results.setdefault("miners", {}).setdefault(tones, {}).update(beside_the_first(values))
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    write_tables(results)


if __name__ == "__main__":
    main()

"""Many texts along one direction: texts a second and peak memory of `latentopt apply civil`. Prints JSON.

    python experiments/speed/direction.py --data ../shared/data [--rows 1000] [--effort 1.0] [--shards 2]

Each shard is a process of one thread, as a person would run it for a whole file; what starting them takes counts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
from memory import measured


def toxic(data: Path, rows: int) -> pd.DataFrame:
    """Toxic texts, those of validation first."""
    files = [data / "pairs/civil" / f"{name}.csv" for name in ("valid", "train")]
    return (
        pd.concat([pd.read_csv(file)[["source"]] for file in files])
        .drop_duplicates()[:rows]
        .rename(columns={"source": "text"})
    )


def main() -> None:
    """Edit, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--effort", type=float, default=1.0)
    parser.add_argument("--shards", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = toxic(asked.data, asked.rows)
        texts.to_csv(folder / "texts.csv", index=False)
        commands = []
        for shard in range(1, asked.shards + 1):
            files = ["--input", str(folder / "texts.csv"), "--output", str(folder / f"{shard}.csv")]
            how = ["--threads", "1", "--effort", str(asked.effort), "--shard", f"{shard}/{asked.shards}"]
            commands.append(["apply", "civil", *how, *files])
        with ThreadPoolExecutor(asked.shards) as pool:
            found = list(pool.map(measured, commands))
    seconds = max(shard["seconds"] for shard in found)
    rate = {"texts": len(texts), "effort": asked.effort, "a second": round(len(texts) / seconds, 2)}
    print(json.dumps({**rate, "shards": found}))


if __name__ == "__main__":
    main()

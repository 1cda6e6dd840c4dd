"""How a mined direction is shown: as JSON, and as a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentopt.cli.output import stdout

if TYPE_CHECKING:
    from latentopt.directions import Discovered, Mining


def mined_json(found: Mining, output: Path) -> dict[str, Any]:
    """All that is known of a mined direction, in the shape that docs/schemas says."""
    statistics = dict(found.direction.statistics)
    known: dict[str, Any] = {key: statistics[key] for key in ("pairs", "texts", "sources") if key in statistics}
    return {
        "name": found.direction.name,
        "file": str(output),
        "strength": found.direction.strength,
        **known,
        "usable": found.usable.to_json(),
        "miner": statistics["miner"],
        "consistency": found.consistency.to_json(),
        "stability": found.stability.to_json(),
        "curve": [row.to_json() for row in found.curve],
        "strengths": found.calibration.to_json(),
        "leakage": [leak.to_json() for leak in found.leakage],
        "reads": found.reads,
        "verdict": found.verdict.to_json(),
        "examples": [vars(example) for example in found.examples],
    }


def print_mined(found: Mining) -> None:
    """Print what was found of a direction, and its held-out edits."""
    from rich.text import Text

    say, direction = stdout(), found.direction
    print_statistics(direction.name, direction.statistics, direction.strength)
    say.print(f"Held-out texts at strength {direction.strength:g}:")
    for example in found.examples:
        for label, text in vars(example).items():
            if text is not None:
                style = "" if label == "edited" else "dim"
                say.print(Text(f"  {label:<7} {' '.join(text.split())}", style=style), soft_wrap=True)
        say.print()


def print_statistics(name: str, statistics: Mapping[str, Any], strength: float) -> None:
    """Print what a direction's file says of it: what was measured when it was mined."""
    from latentopt.directions.resampling import BOOTSTRAPS

    say, measured, sure = stdout(), statistics["consistency"], statistics["stability"]
    paired = "pairs" in statistics
    what = f"{statistics['pairs']:,} pairs of" if paired else f"{statistics['texts']:,} texts, of them"
    units = "pairs" if paired else "texts"
    lines = [
        f"{name}: {what} {statistics['sources']:,} sources; miner {statistics['miner']}",
        "",
        f"Held-out {units}, against the direction of the others (p of the mean difference, "
        f"{measured['permutations']:,} permutations):",
        f"  mean cosine         {measured['cosine']:6.3f}   p = {measured['cosine_p']:.2g}",
        f"  move the right way  {measured['right_way']:6.1%}   p = {measured['right_way_p']:.2g}",
    ]
    if statistics["reads"] is not None:
        lines.append(f"  read the right way  {statistics['reads']:6.1%}   by their words alone")
    curve = ", ".join(f"{row['cosine']:.2f} of {row['examples']:,}" for row in statistics["curve"])
    lines += [
        "",
        f"Bootstrap cosine {sure['cosine']:.2f} ({sure['low']:.2f} to {sure['high']:.2f}, {BOOTSTRAPS} draws); share "
        f"of the variance of these {units} {sure['share']:.1%}",
        f"Cosine to the held-out mean difference, by {units}: {curve}",
        _leaks(statistics["leakage"]),
        "",
    ]
    say.print("\n".join(lines), markup=False, soft_wrap=True)
    _print_strengths(statistics["strengths"], strength)
    verdict = statistics["verdict"]
    say.print(f"Verdict: {verdict['words']}: {verdict['reason']}\n", markup=False, soft_wrap=True, style="bold")


def _leaks(leaks: Sequence[Mapping[str, Any]]) -> str:
    from latentopt.directions.leaks import is_large

    told = []
    for leak in leaks:
        realised = "" if leak["realised"] is None else f", {leak['realised']:.2f} in edits"
        much = " (much)" if is_large(leak["share"], leak["realised"]) else ""
        told.append(f"{leak['name']} {leak['share']:.2f}{realised}{much}")
    return f"What else moves, as a share of the direction's own effect: {'; '.join(told)}"


def _print_strengths(rows: Sequence[Mapping[str, Any]], strength: float) -> None:
    from rich.table import Table as Grid

    names = ("strength", "realised", "read", "content", "fluency", "changed", "balance", "")
    grid = Grid(*names, box=None, pad_edge=False)
    for row in rows:
        grid.add_row(
            f"{row['strength']:g}",
            f"{row['realised']:.2f}",
            "" if row["read"] is None else f"{row['read']:.2f}",
            f"{row['content']:.2f}",
            f"{row['fluency']:+.2f}",
            f"{row['changed']:.0%}",
            f"{row['balance']:.2f}",
            "<- chosen" if row["strength"] == strength else "",
        )
    for column in grid.columns[:-1]:
        column.justify = "right"
    say = stdout()
    say.print(grid)
    say.print(
        "realised: how far the edits moved when encoded again, 1 is the mean difference; read: how much more like\n"
        "targets they read, by a judge of the words, 1 is as much as people's do; content: chrF to the source;\n"
        "fluency: nats per token, 0 is the source's; balance: of the way moved and the content kept, the highest is\n"
        "chosen\n",
        style="dim",
        soft_wrap=True,
    )


def print_discovered(found: Sequence[Discovered]) -> None:
    """Print each direction with the words that lie along it and its most telling texts."""
    from rich.text import Text

    say = stdout()
    for each in found:
        say.print(Text(f"{each.direction.name}: {each.share:.1%} of the variance", style="bold"), soft_wrap=True)
        for sign, words, texts in (("+", each.along, each.most), ("-", each.against, each.least)):
            say.print(Text(f" {sign} {', '.join(words)}"), soft_wrap=True)
            for text in texts:
                say.print(Text(f"     {' '.join(text.split())}", style="dim"), soft_wrap=True)
        say.print()

"""What the tab key offers: names of heads and directions, found by looking at folders. Nothing heavy is imported."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, FishComplete

import latentopt

BUNDLED = Path(latentopt.__file__).parent / "pretrained"
SUFFIX = ".safetensors"


class WholeNames(FishComplete):
    """fish, where `likes,clicks` stays whole: click's script takes what is offered apart at each comma."""

    source_template = FishComplete.source_template.replace('split ","', 'split --max 1 ","')


def heads(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of heads: those of the model, and of --head."""
    return _beginning(_heads(ctx), incomplete)


def heads_in_a_row(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of heads, set apart by commas: what has been typed stays, and no name is offered twice."""
    *typed, _ = incomplete.split(",")
    return _beginning([",".join([*typed, name]) for name in _heads(ctx) if name not in typed], incomplete)


def wishes(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """`sentiment=positive` of a head of classes; `likes=` and `likes=VALUE` of one of numbers."""
    offered = []
    for name, folder in _heads(ctx).items():
        # Two of them, since a shell ends a word that it completes in one way alone with a space.
        offered += [f"{name}={label}" for label in _classes(folder)] or [f"{name}=", f"{name}=VALUE"]
    return _beginning(offered, incomplete)


def directions(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of directions: those of the model, and of this folder."""
    files = [*(_model(ctx) / "directions").glob(f"*{SUFFIX}"), *Path().glob(f"*{SUFFIX}")]
    return _beginning(sorted({file.stem for file in files if not file.name.startswith(".")}), incomplete)


def _model(ctx: click.Context) -> Path:
    return BUNDLED if ctx.params.get("model") is None else Path(ctx.params["model"])


def _heads(ctx: click.Context) -> dict[str, Path]:
    """Folders of heads by their names."""
    given = [Path(folder) for folder in ctx.params.get("heads") or ()]
    found = {file.parent.name: file.parent for file in sorted((_model(ctx) / "heads").glob("*/head.json"))}
    return found | {_about(folder).get("name", folder.name): folder for folder in given}


def _classes(folder: Path) -> list[str]:
    return [str(label) for label in _about(folder).get("classes", [])]


def _about(folder: Path) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads((folder / "head.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # whoever presses the tab key is not told of it
        return {}
    return about


def _beginning(offered: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(value) for value in offered if value.startswith(incomplete)]

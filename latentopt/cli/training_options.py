"""Options of `latentopt train`: kinds of values, and which go together. What cannot apply is wrong usage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from latentopt.training.losses import KL, MMD, NoRegularizer, Regularizer

if TYPE_CHECKING:
    from latentopt.training.properties import PropertyColumn

# Options that say what a training begins with, and which others each of them takes; a new T5 is None.
NEW = ("d_model", "layers", "vocab_size")
SHAPE = ("latent_dim", "pooled_dim", "max_tokens")
TAKES = {
    None: (*NEW, *SHAPE),
    "base": SHAPE,
    "from_causal_lm": ("layers", "encoder_layers", "gguf_file", "vocab_size", *SHAPE),
    "start": (),
}
# By the name that --regularizer knows them by, the usual first: what is made, and the options that its arguments are.
REGULARIZERS: dict[str, tuple[Callable[..., Regularizer], dict[str, str]]] = {
    "mmd": (MMD, {"weight": "regularizer_weight", "moments": "moments_weight"}),
    "kl": (KL, {"weight": "regularizer_weight", "free_bits": "free_bits"}),
    "none": (NoRegularizer, {}),
}
WARMUP = "regularizer_warmup"  # of every regularizer that has a weight
# Options of a loss that is only there with another option.
NEEDS = {"property_weight": "properties", "teacher_weight": "teacher"}


class Layers(click.ParamType):
    """Layers by number: `0-5`, `0,2,7-9`; where a number of layers is due, `2`."""

    name = "layers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        try:
            found: list[int] = []
            for part in str(value).split(","):
                first, _, last = part.partition("-")
                found += range(int(first), int(last or first) + 1)
        except ValueError:
            found = []
        if not found or min(found) < 0:
            self.fail(f"layers are named as in 0-5 or 0,2,7-9, got {value!r}", param, ctx)
        return tuple(found)


class PropertySpec(click.ParamType):
    """`COLUMN`, `COLUMN:log1p`, `COLUMN:GROUPS` or `COLUMN:log1p:GROUPS`."""

    name = "property"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> PropertyColumn:
        from latentopt.training.properties import PropertyColumn

        name, *rest = str(value).split(":")
        log1p = rest[:1] == ["log1p"]
        groups = rest[1:] if log1p else rest
        if not name or len(groups) > 1 or not all(groups):
            self.fail(f"a property is COLUMN[:log1p][:GROUPS], such as likes:log1p:account, got {value!r}", param, ctx)
        return PropertyColumn(name, log1p=log1p, groups=groups[0] if groups else None)


def kind_of_start(ctx: click.Context) -> str | None:
    """Which option says what to begin with; UsageError for two, and for options that do not go with it."""
    given, named = _given(ctx), _names(ctx)
    kinds = [kind for kind in TAKES if kind in given]
    if len(kinds) > 1:
        raise click.UsageError(f"a training begins with one thing; give {' or '.join(named[str(k)] for k in kinds)}")
    kind = kinds[0] if kinds else None
    unused = given & {name for names in TAKES.values() for name in names} - set(TAKES[kind])
    if unused:
        _refuse(ctx, unused, f"{named[kind]} says it" if kind else "it goes with another beginning")
    return kind


def check_losses(ctx: click.Context) -> None:
    """UsageError for options of a loss that this training has not."""
    given, named = _given(ctx), _names(ctx)
    asked = ctx.params["regularizer"]
    takes = {name: {*options.values(), *([WARMUP] if options else [])} for name, (_, options) in REGULARIZERS.items()}
    if unused := given & set().union(*takes.values()) - takes[asked]:
        _refuse(ctx, unused, f"--regularizer {asked} does not take it")
    for name, needed in NEEDS.items():
        if name in given and not ctx.params[needed]:
            _refuse(ctx, {name}, f"it goes with {named[needed]}")


def regularizer_of(asked: Mapping[str, Any]) -> Regularizer:
    """The regularizer that options, by name, ask for."""
    kind, options = REGULARIZERS[asked["regularizer"]]
    return kind(**{argument: asked[option] for argument, option in options.items()})


def _refuse(ctx: click.Context, unused: set[str], why: str) -> None:
    named = _names(ctx)
    raise click.UsageError(f"{', '.join(sorted(named[name] for name in unused))}: {why}; leave it out")


def _given(ctx: click.Context) -> set[str]:
    return {name for name in ctx.params if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE}


def _names(ctx: click.Context) -> dict[str, str]:
    """Options as they are written on the command line, by the names that they have in Python."""
    return {str(parameter.name): parameter.opts[0] for parameter in ctx.command.params}

"""Which options of `latentopt train` go together: what cannot apply is wrong usage, and not passed over."""

from __future__ import annotations

import click

# Options that say what a training begins with, and which others each of them takes; a new T5 is None.
NEW = ("d_model", "layers", "vocab_size")
SHAPE = ("latent_dim", "pooled_dim", "max_tokens")
TAKES = {
    None: (*NEW, *SHAPE),
    "base": SHAPE,
    "from_causal_lm": ("layers", "encoder_layers", "gguf_file", "vocab_size", *SHAPE),
    "start": (),
}
# Options of a loss that each regularizer takes.
OF_REGULARIZER = {
    "mmd": ("regularizer_weight", "moments_weight", "regularizer_warmup"),
    "kl": ("regularizer_weight", "free_bits", "regularizer_warmup"),
    "none": (),
}
# Options of a loss that is only there with another option.
NEEDS = {"property_weight": "properties", "teacher_weight": "teacher"}


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
    regularizer = ctx.params["regularizer"]
    unused = given & {name for names in OF_REGULARIZER.values() for name in names} - set(OF_REGULARIZER[regularizer])
    if unused:
        _refuse(ctx, unused, f"--regularizer {regularizer} does not take it")
    for name, needed in NEEDS.items():
        if name in given and not ctx.params[needed]:
            _refuse(ctx, {name}, f"it goes with {named[needed]}")


def _refuse(ctx: click.Context, unused: set[str], why: str) -> None:
    named = _names(ctx)
    raise click.UsageError(f"{', '.join(sorted(named[name] for name in unused))}: {why}; leave it out")


def _given(ctx: click.Context) -> set[str]:
    return {name for name in ctx.params if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE}


def _names(ctx: click.Context) -> dict[str, str]:
    """Options as they are written on the command line, by the names that they have in Python."""
    return {str(parameter.name): parameter.opts[0] for parameter in ctx.command.params}

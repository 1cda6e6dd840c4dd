"""`latentopt evaluate`: how good a model is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentopt.cli import options
from latentopt.cli.output import draw, print_json, stderr, stdout, warn

if TYPE_CHECKING:
    from latentopt.evaluation import Evaluation

SHOWN_PATHS = 3  # pairs in the figure of interpolations


def _checker(ctx: click.Context, parameter: click.Parameter, value: str | None) -> Callable[[str], Any] | None:
    if value is None:
        return None
    module, _, name = value.partition(":")
    if not module or not name:
        raise click.BadParameter(f"a checker is MODULE:FUNCTION, such as ast:parse, got {value!r}")
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does: a checker may lie where the user works
    try:
        found: Callable[[str], Any] = getattr(import_module(module), name)
    except Exception as error:  # of the module, whatever it may be
        raise click.BadParameter(f"{value}: {error}; give MODULE:FUNCTION, such as ast:parse") from error
    finally:
        sys.path.pop(0)
    if not callable(found):
        raise click.BadParameter(f"{value} is no function; give MODULE:FUNCTION, such as ast:parse")
    return found


@click.command(short_help="Measure how good a model is.")
@options.texts
@click.option(
    "--reference",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File of texts, best the training texts: samples are compared with its n-grams and looked up in it. "
    "[default: every other one of the texts gives the n-grams]",
)
@click.option("--max-tokens", type=click.IntRange(min=1), help="Leave out longer texts. [default: the model's limit]")
@click.option("--rows", type=click.IntRange(min=4), help="Use the first so many texts. [default: all]")
@click.option(
    "--samples", type=click.IntRange(min=1), default=1000, show_default=True, help="Draws of the prior to decode."
)
@click.option("--pairs", type=click.IntRange(min=1), default=200, show_default=True, help="Pairs to interpolate.")
@click.option(
    "--checker",
    metavar="MODULE:FUNCTION",
    callback=_checker,
    help="Report the share of valid texts: those for which this neither raises an error nor returns False, for "
    "instance ast:parse.",
)
@click.option("--invert", is_flag=True, help="Also invert the texts that encoding does not reproduce.")
@click.option(
    "--figures", type=click.Path(path_type=Path, file_okay=False), help="Write figures into this folder, as PNG."
)
@click.option(
    "--colour", metavar="COLUMN", help="With --figures: numbers that colour the latent map. [default: tokens]"
)
@options.model
@options.as_json
@options.batch_size
@options.seed
def evaluate(
    texts: tuple[str, ...],
    file: Path | None,
    column: str,
    reference: Path | None,
    max_tokens: int | None,
    rows: int | None,
    samples: int,
    pairs: int,
    checker: Callable[[str], Any] | None,
    invert: bool,
    figures: Path | None,
    colour: str | None,
    model: str | None,
    as_json: bool,
    batch_size: int,
    seed: int,
) -> None:
    """Measure a model on texts that it was not trained on.

    Reports how much of a text survives encode and decode; whether latents look like the prior N(0, I); how well masked
    words are written anew, and what the latent adds; how fluent and varied texts of random latents are, and those
    between two texts; and how fast all that is. --json documents every
    figure; the documentation explains them.
    """
    from latentopt.evaluation import evaluate as measure
    from latentopt.tables import numeric_column, read_table, read_texts

    if colour is None:
        table = options.take_texts(texts, file, column)
    elif figures is None or file is None or colour == column:
        raise click.UsageError("--colour names a column of numbers in --input FILE, for the map in --figures FOLDER")
    else:
        table = read_table(file, columns=[column, colour], reading=options.chosen_reading())
        table = options.usable(numeric_column(table.only_texts(column), colour))
    space = options.open_space(model)
    limit = min(max_tokens or space.max_tokens, space.max_tokens)
    found_texts = table.frame[column if colour else "text"].tolist()
    lengths = space.lengths(found_texts)
    kept = [i for i, n in enumerate(lengths) if n <= limit]
    if left_out := len(lengths) - len(kept):
        warn(f"{table.name}: {left_out:,} of {len(lengths):,} texts have more than {limit} tokens and are left out")
    kept = kept[:rows]
    known = None if reference is None else options.usable(read_texts((), reference, column)).frame["text"].tolist()
    with stderr().status("measuring") as status:
        found = measure(
            space,
            [found_texts[i] for i in kept],
            reference=known,
            samples=samples,
            pairs=pairs,
            checker=checker,
            invert=invert,
            batch_size=batch_size,
            seed=seed,
            progress=status.update,
        )
    if figures is not None:
        values = table.frame[colour].tolist() if colour else lengths
        _draw(found, figures, [values[i] for i in kept], colour or "tokens")
    if as_json:
        print_json({"version": 1, **found.report})
    else:
        _print(found.report)


def _draw(found: Evaluation, folder: Path, values: list[float], label: str) -> None:
    from latentopt.evaluation import plots

    drawn = {
        "latent_map": plots.latent_map(found.z, values, label=label),
        "reconstruction_by_length": plots.reconstruction_by_length(found.report["reconstruction"]["by_length"]),
        "interpolation": plots.interpolation_table(found.paths[:SHOWN_PATHS]),
    }
    for name, figure in drawn.items():
        draw(figure, folder / f"{name}.png")
    click.echo(f"wrote {', '.join(f'{name}.png' for name in drawn)} to {folder}", err=True)


def _print(report: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    table.add_column("figure", justify="right")
    table.add_column("", style="dim")
    for title, rows in _sections(report):
        table.add_row(f"[bold]{title}[/bold]", "", "")
        for name, figure, note in rows:
            table.add_row(f"  {name}", figure, note)
    stdout().print(table)


def _sections(report: dict[str, Any]) -> list[tuple[str, list[tuple[str, str, str]]]]:
    rec, z, drawn, ways = (report[name] for name in ("reconstruction", "latent", "samples", "interpolation"))
    d = report["model"]["latent_dim"]
    speed, back, language = (report[name] for name in ("throughput", "round_trip", "language_model"))
    sections = [
        (
            f"Reconstruction of {report['texts']:,} texts",
            [("BLEU", f"{rec['bleu']:.1f}", ""), ("chrF", f"{rec['chrf']:.1f}", "")]
            + [("exact match", f"{rec['exact']:.1%}", "")]
            + [
                (
                    f"  {row['tokens_from']:.0f} to {row['tokens_to']:.0f} tokens",
                    f"{row['exact']:.1%}",
                    f"BLEU {row['bleu']:.1f}, {row['texts']:,} texts",
                )
                for row in rec["by_length"]
            ]
            + [("round trip", _number(back["distance"]), "encode-decode-encode; 1 is the distance of two texts")],
        ),
        (
            f"Latents, {d} dimensions",
            [
                ("active units", f"{z['active_units']:.1%}", "variance over 0.01"),
                ("active principal axes", f"{z['active_axes']:.1%}", "the same"),
                ("effective dimension", f"{z['effective_dimension']:.0f}", "participation ratio"),
                ("standard deviation", f"{z['std']:.3f}", "1 under N(0, I)"),
                ("MMD against N(0, I)", f"{z['mmd']:.1e}", f"{z['mmd_texts']:,.0f} latents"),
                ("  permutation p", f"{z['mmd_p']:.3f}", "near 0: not N(0, I)"),
            ],
        ),
        (
            "As a language model, without a latent",
            [
                ("nats a character", f"{language['nats_per_character']:.3f}", "the end included"),
                ("nats a token", f"{language['nats_per_token']:.3f}", ""),
            ],
        ),
        (
            f"{drawn['count']:,} samples of the prior",
            [
                (
                    "perplexity ratio",
                    f"{drawn['perplexity_ratio']:.2f}",
                    f"{drawn['perplexity']:,.0f}; real texts {drawn['real_perplexity']:,.0f}",
                ),
                ("distinct texts", f"{drawn['distinct']:.1%}", ""),
                (
                    "distinct 1-, 2-grams",
                    f"{drawn['distinct_1']:.2f}, {drawn['distinct_2']:.2f}",
                    f"real texts {drawn['real_distinct_1']:.2f}, {drawn['real_distinct_2']:.2f}",
                ),
                ("verbatim", "-" if drawn["verbatim"] is None else f"{drawn['verbatim']:.1%}", "of the reference"),
                ("round trip", _number(drawn["round_trip"]["distance"]), ""),
                *_valid(drawn),
            ],
        ),
        (
            f"{ways['pairs']:,} interpolations of {ways['points']} points",
            [
                ("monotonic", f"{ways['monotonic']:.1%}", "steps that do not turn back, by chrF"),
                ("distinct texts", f"{ways['distinct']:.1%}", "of the points"),
                ("fluency", f"{ways['fluency']:.2f}", f"the ends {ways['fluency_ends']:.2f}"),
                *_valid(ways),
            ],
        ),
        (
            f"Texts a second, {speed['threads']} threads",
            [
                ("encode", f"{speed['encode_texts_per_second']:,.0f}", ""),
                ("decode", f"{speed['decode_texts_per_second']:,.0f}", ""),
            ],
        ),
    ]
    if report["fills"]:
        sections.insert(2, ("Fills of 1 to 3 masked words", _fills(report["fills"])))
    if "inversion" in report:
        inverted = report["inversion"]
        note = f"{inverted['exact_before']:.1%} before; {inverted['seconds_per_text']:.2f} s a text that needs it"
        sections.insert(1, ("Inversion", [("exact match", f"{inverted['exact']:.1%}", note)]))
    return sections


def _fills(found: dict[str, dict[str, float]]) -> list[tuple[str, str, str]]:
    kinds = {"true": "its own latent", "null": "no latent", "wrong": "another's latent"}
    return [
        (name, f"{part['nats']:.2f}", f"nats a token; exact {part['exact']:.1%}, BLEU {part['bleu']:.1f}")
        for part, name in ((found[kind], name) for kind, name in kinds.items())
    ]


def _valid(measured: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [("valid", f"{measured['valid']:.1%}", "by the checker")] if "valid" in measured else []


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"

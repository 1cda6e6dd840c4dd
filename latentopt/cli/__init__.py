"""The command `latentopt`: verbs loaded on use, errors as one line.

Exit 0: done, perhaps with warnings. 1: failed. 2: wrong usage. 130: interrupted.
"""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module
from typing import IO, Any

import click
from click.shell_completion import add_completion_class

from latentopt import __version__
from latentopt.cli.completion import WholeNames
from latentopt.cli.output import in_a_line, warn
from latentopt.errors import LatentoptError, TruncationWarning

VERBS = {  # in the order of --help; a verb's module imports torch only inside its function
    "optimize": "latentopt.cli.optimize:optimize",
    "predict": "latentopt.cli.predict:predict",
    "direction": "latentopt.cli.direction:direction",
    "directions": "latentopt.cli.directions:directions",
    "apply": "latentopt.cli.apply:apply",
    "encode": "latentopt.cli.encode:encode",
    "decode": "latentopt.cli.decode:decode",
    "interpolate": "latentopt.cli.interpolate:interpolate",
    "sample": "latentopt.cli.sample:sample",
    "app": "latentopt.cli.app:app",
    "evaluate": "latentopt.cli.evaluate:evaluate",
    "fit": "latentopt.cli.fit:fit",
    "tune": "latentopt.cli.tune:tune",
    "evaluate-head": "latentopt.cli.evaluate_head:evaluate_head",
    "train": "latentopt.cli.train:train",
}

QUIET = {  # read by Hugging Face's libraries when they are imported; what the user has set stays
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}

FLAT = {  # read at the first product: kernels are kept for each shape, and texts have ever new ones
    "LRU_CACHE_CAPACITY": "64",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
}


add_completion_class(WholeNames)  # click looks for the shell before it calls anything below


class Failure(click.ClickException):
    """What the user can mend, on its way out: one line on standard error, exit 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message as every other tool does."""
        click.echo(f"{click.style('error:', fg='red', bold=True)} {in_a_line(self.message)}", file=file, err=True)


class Verbs(click.Group):
    """A group that imports a verb when it is asked for, and turns errors into messages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in their reading order."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb; None when there is no such verb."""
        if cmd_name not in VERBS:
            return None
        module, function = VERBS[cmd_name].split(":")
        command: click.Command = getattr(import_module(module), function)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb."""
        for name, value in (QUIET | FLAT).items():
            os.environ.setdefault(name, value)
        try:
            with warnings.catch_warnings():
                _warn_plainly()
                return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(130)
        except click.UsageError as error:
            message = error.format_message()
            if in_a_line(message) == message:
                raise
            raise click.UsageError(in_a_line(message), error.ctx) from error
        except BrokenPipeError:
            raise  # the reader has seen enough; click leaves quietly
        except OSError as error:
            if error.strerror is None:
                raise
            raise Failure(": ".join(str(part) for part in (error.filename, error.strerror) if part)) from error
        except LatentoptError as error:
            raise Failure(str(error)) from error


def _warn_plainly() -> None:
    """Show warnings as one line each, without the source line that raised them. Undone by `warnings.catch_warnings`."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        warn(str(message))

    warnings.showwarning = show
    if not sys.warnoptions:  # nothing asked for with python -W or PYTHONWARNINGS
        warnings.simplefilter("default", UserWarning)
        for for_programmers in (DeprecationWarning, PendingDeprecationWarning, FutureWarning, ImportWarning):
            warnings.simplefilter("ignore", for_programmers)
    warnings.simplefilter("always", TruncationWarning)


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`latentopt VERB --help` says more of each.",
)
@click.version_option(__version__, message="latentopt %(version)s")
def main() -> None:
    """Change what a text is: encode it into a latent vector, move the vector, decode it.

    Without --model, the bundled model is used: offline, for short English texts such as tweets and titles.
    """

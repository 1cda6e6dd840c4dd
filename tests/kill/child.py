"""The process that is killed: a command of latentopt, run by a fork of a process that has loaded it and done nothing.

A fork of the tests' own process would lack the threads that torch has there, and crash or wait for them for ever. So
the children come from a server that has imported what they need, and has run nothing (`multiprocessing`'s forkserver).
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import optuna  # noqa: F401

import latentopt.batch
import latentopt.directions.transfer
import latentopt.editing.editor
import latentopt.heads
import latentopt.space
import latentopt.training.card
import latentopt.training.trainer  # noqa: F401
from latentopt.cli import main

Prepare = Callable[[], None]


def start(
    arguments: Sequence[str], where: Path, *, prepare: Prepare | None = None, said: Connection | None = None
) -> ForkServerProcess:
    """Run a command in a folder, in a process that has prepared itself; what it says goes to `said`, or a file there.

    prepare: a function with a name in a module, or such a one bound by functools.partial.
    """
    process = _server().Process(target=run, args=(list(arguments), str(where), prepare, said))
    process.start()
    return process


def start_worker(work: Callable[[str, Connection], None], what: str) -> tuple[ForkServerProcess, Connection]:
    """Run a function with a name in a module; returns the process, and where what it tells arrives until it ends."""
    arrives, told = multiprocessing.Pipe(duplex=False)
    process = _server().Process(target=work, args=(what, told))
    process.start()
    told.close()  # the process has its own end
    return process, arrives


def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def run(arguments: list[str], where: str, prepare: Prepare | None, said: Connection | None) -> None:
    """The child: the command to its end, and never back."""
    os.chdir(where)
    to = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_APPEND) if said is None else said.fileno()
    for stream in (1, 2):
        os.dup2(to, stream)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    if said is not None:
        said.close()  # its end is seen when the command ends
    if prepare is not None:
        prepare()
    try:
        main(arguments, prog_name="latentopt")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()

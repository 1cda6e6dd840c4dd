"""Trials of a search that outlive it: a study in a file or a database, gone on with where it was killed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from latentopt.errors import LatentoptError, first_line

if TYPE_CHECKING:
    import optuna


BEGINNING = b'{"op_code":'  # of a line of Optuna's journal


@contextmanager
def opened(storage: str | Path | None, name: str) -> Iterator[tuple[optuna.Study, bool]]:
    """The study of a name, new or as it was left, and whether it is known that no other worker has it open.

    A study that nobody else has open is without trials that have not ended: those of workers that were killed failed.

    Args:
        storage: a file (Optuna's journal), or the URL of a database; None: memory.
        name: of the study.

    Raises:
        LatentoptError: if the storage cannot be read or written.
    """
    from sqlalchemy.exc import SQLAlchemyError

    place = None if storage is None else str(storage)
    file, alone = None, place is None
    try:
        try:
            if place is not None and "://" not in place:
                file = os.open(place, os.O_RDWR | os.O_CREAT, 0o666)
                alone = _taken(file)
                if alone:
                    _mend(file, Path(f"{os.path.abspath(place)}.lock"))
            study = _study(place, name)
        except (SQLAlchemyError, ImportError, OSError, ValueError) as error:
            raise LatentoptError(
                f"{storage}: trials cannot be kept there ({first_line(error)}); give a file, or a database such as "
                "sqlite:///trials.db"
            ) from error
        if alone:
            _fail_those_of_the_dead(study)
        if file is not None:
            _share(file)
        yield study, alone
    finally:
        if file is not None:
            os.close(file)


def _taken(file: int) -> bool:
    """Take a journal that no other worker has open."""
    import fcntl  # here alone: Windows has none, and searches in memory without it

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _share(file: int) -> None:
    """Say that a journal is open, until it is closed or the process ends, however it does."""
    import fcntl

    fcntl.flock(file, fcntl.LOCK_SH)


def _mend(file: int, lock: Path) -> None:
    """Remove what a kill in the middle of a line has left: the piece of it, and Optuna's lock.

    Raises:
        ValueError: if the file is no journal; it is left as it is.
    """
    content = os.pread(file, os.fstat(file).st_size, 0)
    if not content.startswith(BEGINNING[: len(content)]):
        raise ValueError("it holds something else than trials")
    lock.unlink(missing_ok=True)
    os.ftruncate(file, content.rfind(b"\n") + 1)


def _study(place: str | None, name: str) -> optuna.Study:
    import optuna
    from optuna.storages.journal import JournalFileBackend
    from sqlalchemy.exc import SQLAlchemyError

    def made() -> optuna.Study:
        kept: str | optuna.storages.BaseStorage | None = place
        if place is not None and "://" not in place:
            # An absolute path: Optuna's lock is a link to it, and must lead there from its own folder.
            kept = optuna.storages.JournalStorage(JournalFileBackend(os.path.abspath(place)))
        return optuna.create_study(storage=kept, study_name=name, load_if_exists=True)

    try:
        return made()
    except SQLAlchemyError:  # perhaps because another worker was making the same tables
        time.sleep(1)
        return made()


def _fail_those_of_the_dead(study: optuna.Study) -> None:
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)

"""Exchanging two folders in one step, as the kernel offers it: nobody ever finds neither of them, or half of each."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path

AT_FDCWD = -100
RENAME_EXCHANGE = 2  # of Linux's renameat2
RENAME_SWAP = 2  # of macOS's renamex_np


def exchange(a: Path, b: Path) -> None:
    """Let two paths of one file system change their contents.

    Raises:
        OSError: if it fails; with `errno.ENOSYS`, EINVAL or ENOTSUP where this system, or this file system, cannot.
    """
    c, names = ctypes.CDLL(None, use_errno=True), (os.fsencode(a), os.fsencode(b))
    try:
        if sys.platform == "darwin":
            failed = c.renamex_np(*names, RENAME_SWAP)
        else:
            failed = c.renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE)
    except AttributeError:  # an old C library
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(b)) from None
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(b))

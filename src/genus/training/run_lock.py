"""The lock of a folder that one process at a time may write to; readers need none.

The lock is the system's own (``flock`` on a file held open), so it ends with its process, however that ends:
no lock is ever stale. Where the system has no such locks nothing is locked, with a warning where the file
system is what lacks them.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from genus.core.errors import InputError

try:
    import fcntl
except ImportError:  # a system without flock
    fcntl = None

LOCK = ".lock"
"""Name of the file that is locked, in the folder; it says who holds it and stays when nobody does."""

_Key = tuple[str, int]
_held: dict[_Key, FileIO] = {}
"""Open files of the locks of this process, by folder and thread."""


class BusyError(InputError):
    """Another process is writing to a run or a benchmark."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock, and make the folder when there is none.

    A thread that holds it already may enter again. With several ranks the first one alone holds it, as it
    alone writes.

    Raises:
        BusyError: at once, when another process or thread holds it; says which and since when.
        InputError: when the folder cannot be written to.
    """
    key = (str(folder.resolve()), threading.get_ident())
    if key in _held or not is_first_rank() or fcntl is None:
        yield
        return
    try:
        file = _open(folder)
    except OSError as error:
        raise InputError(f"cannot write to {str(folder)!r}: {error.strerror or error}") from error
    _held[key] = file
    try:
        yield
    finally:
        _held.pop(key, None)  # a forked reader has forgotten it
        file.close()


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold the lock of a new folder: one that is not there, or holds nothing.

    Raises:
        BusyError: when another process has claimed it.
        InputError: when something is in it, or it cannot be written to.
    """
    if is_first_rank() and not (folder / LOCK).exists():
        _refuse_used(folder)  # first, so that no file of a lock is left in a folder that is no run
    with locked(folder):
        if is_first_rank():
            _refuse_used(folder)
        yield


def is_first_rank() -> bool:
    """Whether this process speaks and writes for all ranks."""
    return int(os.environ.get("RANK", "0")) == 0


def _refuse_used(folder: Path) -> None:
    """Refuse a place that holds something already, besides the file of a lock.

    Raises:
        InputError: saying what to do instead.
    """
    if folder.exists() and (not folder.is_dir() or any(p.name != LOCK for p in folder.iterdir())):
        raise InputError(
            f"{str(folder)!r} exists and is not empty; choose another --out, or continue that "
            f"run with `genus resume {folder}`"
        )


def _open(folder: Path) -> FileIO:
    """The lock's file, locked, with this process named in it."""
    path = folder / LOCK
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b", buffering=0)
        try:
            _lock(file, folder)
            if _is_still(path, file):  # else its folder was removed before it was locked
                _sign(file)
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _lock(file: FileIO, folder: Path) -> None:
    assert fcntl is not None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BusyError(
            f"{str(folder)!r} is being written by {_holder(file)}; wait until it ends, or stop it first"
        ) from None
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        warnings.warn(
            f"the file system of {str(folder)!r} has no locks: let one process at a time write there",
            RuntimeWarning,
            stacklevel=6,
        )


def _is_still(path: Path, file: FileIO) -> bool:
    """Whether the file is still the one at its path."""
    try:
        there, mine = path.stat(), os.fstat(file.fileno())
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def _sign(file: FileIO) -> None:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    file.truncate(0)
    file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}).encode())


def _holder(file: FileIO) -> str:
    """Who holds a lock, as a phrase; the holder may not have signed yet."""
    try:
        file.seek(0)
        fields = json.loads(file.read())
        return f"process {fields['pid']} on {fields['host']} since {fields['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"


def _forget() -> None:
    """Close what a forked child (a reader of data) inherits: it must not hold a lock for its parent."""
    while _held:
        _held.popitem()[1].close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

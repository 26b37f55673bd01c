"""Files that are whole or absent whatever happens: written aside, synced, renamed, the folder synced."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genus.core.errors import CheckpointError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into an error that says what to do.

    Raises:
        CheckpointError: when the disk is full or not writable.
    """
    try:
        yield
    except OSError as error:
        raise CheckpointError(
            f"could not write {path}: {error.strerror or error}. What was saved before is "
            "untouched: free some space, then run `genus resume`"
        ) from error


def write_text(path: Path, text: str) -> None:
    """Replace a small file atomically."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file that fits into memory atomically."""
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    with writing(path):
        write_synced(draft, data)
        draft.replace(path)
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Flush a folder's entries to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and wait until the disk has it."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())

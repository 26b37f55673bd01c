"""One writer per run folder, in real processes; readers are not blocked and no lock is ever stale."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import genus
from genus.assembly import free_folder
from genus.core.errors import InputError
from genus.saved_runs import load
from genus.training.run import Run
from genus.training.run_lock import LOCK, BusyError, claimed, locked
from tests.tiny import tiny_config

_HOLD = """
import os, sys
from pathlib import Path
from genus.training.run_lock import locked
with locked(Path(sys.argv[1])):
    if len(sys.argv) > 2 and os.fork() == 0:  # a reader of data, which outlives its parent
        print("reader", os.getpid(), flush=True)
        sys.stdin.read()
        os._exit(0)
    print("held", flush=True)
    sys.stdin.read()
"""
_CLAIM = """
import sys
from pathlib import Path
from genus.core.errors import InputError
from genus.training.run_lock import claimed
print("ready", flush=True)
for folder in map(Path, sys.stdin.readline().split()):
    try:
        with claimed(folder):
            (folder / "made").touch(exist_ok=False)
            print(folder.name, flush=True)
    except InputError:
        pass
"""


@contextmanager
def holder(folder: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a folder's lock."""
    child = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(folder), *more], stdin=-1, stdout=-1, text=True
    )
    assert child.stdin
    assert child.stdout
    try:
        while "held" not in child.stdout.readline():
            pass
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return genus.train(tiny_config("default", length=2), out=tmp_path_factory.mktemp("runs") / "run").path


def test_a_second_writer_is_told_who_writes_and_readers_are_not_blocked(trained: Path) -> None:
    before = sorted(p.name for p in (trained / "checkpoints").iterdir())
    with holder(trained) as child:
        says = rf"is being written by process {child.pid} on .+ since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d; "
        with pytest.raises(BusyError, match=says) as caught:
            genus.resume(trained, overrides=["train.length=4"])
        with pytest.raises(BusyError):
            genus.train(tiny_config("default", length=2), out=trained)
        assert caught.value.exit_code == 2
        assert load(trained) is not None
        assert Run(trained).recipe.train.length == 2
    assert sorted(p.name for p in (trained / "checkpoints").iterdir()) == before
    genus.resume(trained)


def test_a_lock_ends_with_its_process_and_not_with_its_readers(tmp_path: Path) -> None:
    with holder(tmp_path, "with a reader") as child:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        for _ in range(200):  # the reader, which has just been forked, lets go first
            try:
                with locked(tmp_path):
                    return
            except BusyError:
                time.sleep(0.05)
        pytest.fail("a reader keeps the lock of its parent")


def test_one_process_wins_each_new_folder(tmp_path: Path) -> None:
    folders = [str(tmp_path / f"run{number}") for number in range(60)]
    children = [
        subprocess.Popen([sys.executable, "-c", _CLAIM], stdin=-1, stdout=-1, text=True) for _ in range(3)
    ]
    for child in children:
        assert child.stdout
        child.stdout.readline()
    for child in children:
        assert child.stdin
        child.stdin.write(" ".join(folders) + "\n")
        child.stdin.flush()
    won = [name for child in children for name in child.communicate()[0].split()]
    assert all(child.returncode == 0 for child in children)
    assert sorted(won) == sorted(Path(folder).name for folder in folders)


def test_a_thread_may_enter_again_and_another_may_not(tmp_path: Path) -> None:
    refused: list[BaseException] = []

    def second() -> None:
        try:
            with locked(tmp_path):
                pass
        except BusyError as error:
            refused.append(error)

    with locked(tmp_path), locked(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert len(refused) == 1


def test_a_lock_on_a_folder_that_was_removed_is_taken_anew(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with claimed(folder):
        (folder / LOCK).unlink()
        folder.rmdir()
    with claimed(folder):
        assert (folder / LOCK).is_file()


def test_what_is_no_new_folder_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(InputError, match="exists and is not empty"), claimed(tmp_path):
        pass
    assert not (tmp_path / LOCK).exists()
    (tmp_path / "file").touch()
    with pytest.raises(InputError), claimed(tmp_path / "file"):
        pass


def test_no_two_processes_get_the_same_free_folder(tmp_path: Path) -> None:
    assert free_folder("mine", str(tmp_path)) != free_folder("mine", str(tmp_path))


def test_ranks_leave_the_lock_to_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with holder(tmp_path):
        monkeypatch.setenv("RANK", "1")
        with locked(tmp_path):
            pass

"""Kills processes at any moment, and tells as JSON what was left.

``python -m tests.training.crash save FOLDER TRIALS`` kills savers at random moments;
``python -m tests.training.crash train RECIPE RUN LINES…`` kills a training whenever its log has so
many lines, resumes it, and lets the last one end. This is a program, because only a process
without threads may fork; its children need not import torch again.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
import warnings
from pathlib import Path

import torch

from genus.assembly import load_recipe, open_data
from genus.cli.main import main
from genus.core.errors import CheckpointError
from genus.training.checkpoints import Checkpoint, load_newest, prune, save_checkpoint
from genus.training.devices import launch


def content(number: int) -> Checkpoint:
    """The one right content of checkpoint ``number``."""
    weights = torch.full((64, 64), float(number))
    step = torch.tensor(float(number))
    tensors = {"model": {"w": weights, "tied": weights}, "optimizer": {"g/0/step": step}}
    return Checkpoint(tensors, {"clock": {"iteration": number}}, number)


def save_for_ever(folder: Path, first: int, pipe: int) -> None:
    """Save and prune, and tell the number after each save."""
    number = first
    while True:
        path = save_checkpoint(folder, content(number))
        os.write(pipe, f"{number}\n".encode())
        prune(path, keep=2)
        number += 1


def newest(folder: Path) -> int:
    """Number of the newest checkpoint, verified; −1 when there is none."""
    try:
        found = load_newest(folder)
    except CheckpointError:
        return -1
    wanted = content(found.number)
    assert found.state == wanted.state
    for stem, tensors in wanted.tensors.items():
        for name, tensor in tensors.items():
            assert torch.equal(found.tensors[stem][name], tensor)
    return found.number


def trial(folder: Path, delay: float) -> dict[str, int | bool]:
    """Let a child save from where the last one died, kill it, and look at what is left."""
    before = newest(folder)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        save_for_ever(folder, before + 1, write)
    os.close(write)
    conditioned = b""
    if before >= 0:
        select.select([read], [], [], 30)  # its first save is done; now any moment may come
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while part := os.read(read, 1 << 16):
        conditioned += part
    os.close(read)
    acknowledged = int(conditioned.split()[-1]) if conditioned else before
    return {
        "acknowledged": acknowledged,
        "found": newest(folder),
        "while writing": (folder / ".writing").exists(),
        "leftovers": sum(p.name.startswith(".") for p in folder.iterdir()) if folder.exists() else 0,
    }


def kill_savers(folder: Path, trials: int) -> list[dict[str, int | bool]]:
    """Run trials with delays spread over a few saves."""
    start = time.perf_counter()
    for number in range(5):
        save_checkpoint(folder / "timing", content(number))
    span = (time.perf_counter() - start) / 5 * 2
    rng = random.Random(0)
    return [trial(folder / "checkpoints", rng.uniform(0, span)) for _ in range(trials)]


def warm_up() -> None:
    """Import here what every child would import."""
    open_data(load_recipe("rbm"))
    launch("cpu")


def kill_trainings(recipe: str, run: Path, moments: list[int]) -> list[int]:
    """Lines of the log whenever a process was killed; the last process ends by itself."""
    warm_up()
    log = run / "metrics.jsonl"
    reached: list[int] = []
    words = ["train", recipe, "--out", str(run)]
    for moment in [*moments, None]:
        child = os.fork()
        if child == 0:
            main(words)
            os._exit(0)
        words = ["resume", str(run)]
        if moment is not None:
            while not log.exists() or log.read_bytes().count(b"\n") < moment:
                time.sleep(0.001)
            os.kill(child, signal.SIGKILL)
            reached.append(log.read_bytes().count(b"\n"))
        _, status = os.waitpid(child, 0)
        assert (status == 0) == (moment is None)
    return reached


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what == "save":
        warnings.simplefilter("error")
        print(json.dumps(kill_savers(Path(arguments[0]), int(arguments[1]))))
    else:
        print(json.dumps(kill_trainings(arguments[0], Path(arguments[1]), [int(a) for a in arguments[2:]])))

"""Time two programs in alternation in one process, and print the ratio of each pair of turns.

The machine's speed drifts, so absolute times mean little; what one turn of ours takes is divided
by what the neighbouring turn of the rival takes, and the median of these ratios is quoted.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genus.assembly import build_model, make_engine, open_data
from genus.training.callbacks import Callback
from genus.training.devices import launch
from genus.training.run import Run
from genus.verbs.show import show

Turn = Callable[[], float]
"""Runs one turn and returns its seconds."""


@dataclass(frozen=True)
class Comparison:
    """Turns of both sides.

    Args:
        name: what was timed.
        ours: seconds per turn.
        rival: seconds per turn, in the same order.
    """

    name: str
    ours: Sequence[float]
    rival: Sequence[float]

    @property
    def speedups(self) -> list[float]:
        """Rival's seconds by ours, turn by turn; above 1 we are faster."""
        return sorted(theirs / ours for ours, theirs in zip(self.ours, self.rival, strict=True))

    def line(self) -> str:
        """One row of a Markdown table."""
        ratios = self.speedups
        return (
            f"| {self.name} | {statistics.median(self.ours):.3f} | {statistics.median(self.rival):.3f} | "
            f"**{statistics.median(ratios):.2f}** | {ratios[0]:.2f} … {ratios[-1]:.2f} |"
        )


HEAD = "| what | ours, s | rival, s | speed-up (median) | range |\n|---|---|---|---|---|"
"""Of the table whose rows are :meth:`Comparison.line`."""


def data_folder(needed: str) -> Path:
    """The folder with the data sets: ``$GENUS_DATA``, else ``../shared/data`` beside the project.

    Args:
        needed: a data set that must be in it; without it the program ends and says what to set.
    """
    folder = Path(os.environ.get("GENUS_DATA") or Path(__file__).parents[1] / "../shared/data").resolve()
    if not (folder / needed).is_dir():
        sys.exit(f"set GENUS_DATA to the folder with the data sets, of which {needed} is needed")
    return folder


def start_table(about: str | None, cases: Collection[str]) -> Sequence[str]:
    """The command line of a benchmark: print the head of its table, and say which cases are asked for.

    Args:
        about: shown by ``--help``.
        cases: all that there are.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("cases", nargs="*", choices=[[], *cases], default=[])
    chosen = parser.parse_args().cases or list(cases)
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(HEAD)
    return chosen


def print_table(about: str | None, cases: Mapping[str, Callable[[], Comparison]]) -> None:
    """Run the cases that the command line names, or all, and print a Markdown table.

    Args:
        about: shown by ``--help``.
        cases: by name.
    """
    for name in start_table(about, cases):
        print(cases[name]().line(), flush=True)


def alternate(name: str, ours: Turn, rival: Turn, turns: int = 9) -> Comparison:
    """Run both in turn, one warm-up each first."""
    ours()
    rival()
    pairs = [(ours(), rival()) for _ in range(turns)]
    return Comparison(name, [a for a, _ in pairs], [b for _, b in pairs])


def timed(work: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> Turn:
    """A turn from a function, by the wall clock or another (``time.process_time``: of all threads)."""

    def turn() -> float:
        start = clock()
        work()
        return clock() - start

    return turn


def high_water() -> int:
    """Most memory this process has held, in KB (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def memory_line(name: str, peak: Callable[[str, int], int]) -> str:
    """One row of the same table: what a step needs, measured in processes of their own.

    Args:
        name: of the case.
        peak: memory in MB of a case's step, 0 for ours and 1 for the rival's; a module's function.
    """
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        ours, rival = (pool.apply(peak, (name, which)) for which in (0, 1))
    return f"| {name}: memory of a step, MB | {ours} | {rival} | {rival / ours:.2f} | |"


def engine_turn(
    recipe: str | Mapping[str, Any],
    overrides: Sequence[str],
    length: int,
    unit: str,
    callbacks: Sequence[Callback] = (),
) -> Turn:
    """Turns of a real engine: each trains ``length`` more iterations or epochs of the recipe.

    The engine's own clock is read: updates with everything they need (data, checks, logging
    values), without the sample sheets and checkpoints that the rivals do not write.
    """
    quiet = ["train.sample_every=1000000", "train.save_every=1000000", "train.device=cpu"]
    bound = show(recipe, [f"train.length={length} {unit}", *quiet, *overrides])
    dataset = open_data(bound)
    folder = Path(tempfile.mkdtemp()) / "run"
    run = Run.create(folder, bound, dataset.spec, dataset.fingerprint)
    fabric = launch("cpu", bound.train.precision)

    def until(end: int) -> Any:
        longer = show(dict(bound.config), [f"train.length={end} {unit}"])
        return make_engine(run, longer, build_model(longer, dataset.spec), dataset, fabric, callbacks)

    done, engine = length, until(length)

    def turn() -> float:
        nonlocal done, engine
        before = engine.stage_progress.clock.seconds
        engine.fit()
        spent = engine.stage_progress.clock.seconds - before
        done += length
        following = until(done)
        following.restore(engine.checkpoint())
        engine = following
        return spent

    return turn


def folder() -> str:
    """A new temporary folder."""
    return tempfile.mkdtemp()


def noise_images(shape: tuple[int, ...]) -> str:
    """Path of an array of random 8-bit images ``(n, channels, height, width)``."""
    path = f"{folder()}/images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    return path


def vectors(shape: tuple[int, int]) -> str:
    """Path of an array of normal numbers ``(n, size)``."""
    path = f"{folder()}/vectors.npy"
    np.save(path, np.random.default_rng(0).normal(size=shape).astype(np.float32))
    return path

"""Time two programs in alternation in one process, and print the ratio of each pair of turns.

The machine's speed drifts, so absolute times mean little; what one turn of ours takes is divided
by what the neighbouring turn of the rival takes, and the median of these ratios is quoted.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from genus.assembly import build_model, make_engine, open_data, show
from genus.training.devices import launch
from genus.training.run import Run

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


def print_table(about: str | None, cases: Mapping[str, Callable[[], Comparison]]) -> None:
    """The command line of a benchmark: run the cases it names, or all, and print a Markdown table.

    Args:
        about: shown by ``--help``.
        cases: by name.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("cases", nargs="*", choices=[[], *cases], default=[])
    chosen = parser.parse_args().cases or list(cases)
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(HEAD)
    for name in chosen:
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


def engine_turn(recipe: str | Mapping[str, Any], overrides: Sequence[str], length: int, unit: str) -> Turn:
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
    engine = make_engine(run, bound, build_model(bound, dataset.spec), dataset, fabric)
    done = 0

    def turn() -> float:
        nonlocal done
        done += length
        before = engine.course.clock.seconds
        engine.settings = engine.settings.model_copy(update={"length": f"{done} {unit}"})
        if before:
            engine.restore(engine.checkpoint())  # takes up the new length
        engine.fit()
        return engine.course.clock.seconds - before

    return turn

"""What is told of a training."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

from rich.console import Console

from genus.cli.progress import ConsoleProgress
from genus.training.callbacks import Moment
from genus.training.run import Run


def test_no_speed_is_told_before_there_is_time_to_measure_it() -> None:
    out = io.StringIO()
    progress = ConsoleProgress(Console(file=out, width=200), live=False)
    start = Moment(iteration=0, samples=0, stage="train", fraction=0.0, seconds=0.0)
    progress.started(cast("Run", SimpleNamespace(path="one")), start)
    progress.finished(replace(start, iteration=1, samples=64))
    assert "iteration 1 · 0:00" in out.getvalue()
    progress.finished(replace(start, iteration=1, samples=64, seconds=2.0))
    assert "iteration 1 · 32 samples/s · 0:02" in out.getvalue()

"""Live progress: losses, speed, time left, latest scores."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from genus.training.callbacks import Callback, Moment
from genus.training.doctor.finding import Finding
from genus.training.run import Run

_QUIET_SECONDS = 15.0
"""Between lines where the output is not a terminal."""


def make_progress(console: Console) -> ConsoleProgress:
    """Progress for this output: a live bar on a terminal, a line now and then elsewhere."""
    return ConsoleProgress(console, live=console.is_terminal)


class ConsoleProgress(Callback):
    """Shows how training goes.

    Args:
        console: where to print.
        live: redraw in place instead of printing lines.
    """

    def __init__(self, console: Console, *, live: bool) -> None:
        self.console = console
        self.path: Path | None = None
        self._live = Live(console=console, refresh_per_second=4, transient=True) if live else None
        self._losses: Mapping[str, float] = {}
        self._scores: Mapping[str, float] = {}
        self._first: Moment | None = None
        self._shown = 0.0

    def started(self, run: Run, moment: Moment) -> None:
        self.path = run.path
        self._first = moment
        self._shown = time.monotonic()  # the first line comes when there is something to say
        self.console.print(f"run: {run.path}")
        if self._live:
            self._live.start()

    def stepped(self, moment: Moment) -> None:
        now = time.monotonic()
        if self._live:
            if now - self._shown > 0.2:
                self._shown = now
                self._live.update(self._view(moment))
        elif now - self._shown > _QUIET_SECONDS:
            self._shown = now
            self.console.print(self._line(moment))

    def logged(self, moment: Moment, values: Mapping[str, float]) -> None:
        self._losses = values

    def sampled(self, moment: Moment, path: Path) -> None:
        self.console.print(f"[dim]iteration {moment.iteration}: samples in {path}[/dim]")

    def scored(self, moment: Moment, scores: Mapping[str, float]) -> None:
        self._scores = scores
        text = ", ".join(f"{name} {value:.4g}" for name, value in scores.items())
        self.console.print(f"[dim]iteration {moment.iteration}: {text}[/dim]")

    def found(self, moment: Moment, finding: Finding) -> None:
        self.console.print(f"[yellow]iteration {moment.iteration}, {escape(finding.line)}[/yellow]")

    def withdrawn(self, moment: Moment, finding: Finding) -> None:
        self.console.print(f"[dim]iteration {moment.iteration}: {escape(finding.name)} has passed[/dim]")

    def treated(self, moment: Moment, says: str) -> None:
        self.console.print(f"[yellow]iteration {moment.iteration}: {escape(says)}[/yellow]")

    def finished(self, moment: Moment) -> None:
        if self._live:
            self._live.stop()
        self.console.print(self._line(moment))

    def _speed(self, moment: Moment) -> tuple[float, float]:
        """Samples per second and seconds left, not a number while unknown."""
        first = self._first or moment
        seconds = moment.seconds - first.seconds
        done = moment.fraction - first.fraction
        left = seconds / done * (1 - moment.fraction) if done > 0 else float("nan")
        return (moment.samples - first.samples) / seconds if seconds > 0 else float("nan"), left

    def _line(self, moment: Moment) -> str:
        speed, left = self._speed(moment)
        fast = f"{speed:.0f} samples/s · " if speed == speed else ""
        remaining = f", {_duration(left)} left" if left == left and moment.fraction < 1 else ""
        losses = ", ".join(f"{name} {value:.3g}" for name, value in self._losses.items())
        return (
            f"{moment.fraction:4.0%} {moment.stage} · iteration {moment.iteration} · "
            f"{fast}{_duration(moment.seconds)}{remaining} · {losses}"
        )

    def _view(self, moment: Moment) -> Table:
        table = Table.grid(padding=(0, 1))
        speed, left = self._speed(moment)
        fast = f"  {speed:.0f} samples/s" if speed == speed else ""
        head = Table.grid(padding=(0, 1))
        head.add_row(
            Text(f"{moment.stage:>8}"),
            ProgressBar(total=1.0, completed=moment.fraction, width=40),
            Text(f"{moment.fraction:.0%}  iteration {moment.iteration}{fast}"),
            Text(f"{_duration(moment.seconds)}, {_duration(left)} left"),
        )
        table.add_row(head)
        for label, values in (("losses", self._losses), ("scores", self._scores)):
            if values:
                text = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
                table.add_row(Text(f"{label:>8} {text}", style="dim"))
        return table


def _duration(seconds: float) -> str:
    """``"2:05"``; a dash when unknown."""
    if seconds != seconds:
        return "–"
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

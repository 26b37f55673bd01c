"""A checkup as lines on a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from rich.markup import escape

from genus.training.doctor.checkup import Checkup


def checkup_lines(checkup: Checkup, run: str) -> Iterator[str]:
    """Lines with rich's markup: findings, their evidence and advice, and what was not judged.

    Args:
        checkup: of the run.
        run: its folder, for the commands that are suggested.
    """
    if checkup.healthy:
        passed = "; what there was has passed" if checkup.findings else ""
        yield f"[bold]healthy so far[/bold] (iteration {checkup.iteration}){passed}"
    for finding in checkup.findings:
        when = f"iterations {finding.since} … {finding.until}"
        if not finding.present:
            yield f"[dim]withdrawn: {escape(finding.name)} ({when}, not since)[/dim]"
            continue
        yield f"[bold]{escape(finding.name)}[/bold] ({finding.severity}; {when}): {escape(finding.says)}"
        evidence = ", ".join(f"{name} {value:.4g}" for name, value in finding.evidence.items())
        yield f"  [dim]evidence  {escape(evidence)}[/dim]"
        for change in finding.advice:
            command = shlex.join(change.overrides)
            yield f"  helps     genus train {escape(run)}/recipe.yaml {escape(command)}"
            yield f"            [dim]{escape(change.why)}[/dim]"
    for iteration, says in checkup.treatments:
        yield f"[dim]treated at iteration {iteration}:[/dim] {escape(says)}"
    for text in checkup.unseen:
        yield f"[dim]not judged: {escape(text)}[/dim]"

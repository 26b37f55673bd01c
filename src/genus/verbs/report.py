"""``genus report``: a run as one page."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from genus.core.command import RunFolder, command


def _print_path(call: partial[Path]) -> None:
    """Write the report and print its path."""
    from genus.cli.console import say

    say(str(call()))


@command("report", show=_print_path)
def report(run: RunFolder) -> Path:
    """Write report.html of a run: one self-contained file without outside requests.

    Args:
        run: folder of the run; in Python the run itself, too.

    Returns:
        The file's path.
    """
    from genus.metrics.evaluate import Evaluation
    from genus.reports.page import Facts, write_report
    from genus.training.doctor.checkup import check_up
    from genus.training.run import Run

    opened = Run(run)
    kept = opened.path / "evaluation.json"
    sheets = sorted(opened.samples.glob("*.png"))
    facts = Facts(
        name=opened.name,
        path=str(opened.path),
        recipe=opened.recipe,
        spec=opened.spec,
        fingerprint=opened.fingerprint,
        log=list(opened.log_lines()),
        sheets=[(int(path.stem), path.read_bytes()) for path in sheets if path.stem.isdigit()],
        scores=Evaluation.from_json(kept.read_text()) if kept.is_file() else None,
        checkup=check_up(opened),
    )
    return write_report(opened.path / "report.html", facts)

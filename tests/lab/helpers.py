"""What tests of experiments share."""

from __future__ import annotations

from typing import Any

import genus
from genus.lab.findings import Findings


def run(name: str, **options: Any) -> Findings:
    """Run an experiment; all of its comparisons must hold and its figure must draw."""
    findings = genus.experiment(name, **options)
    failed = [check for check in findings.checks if not check.holds]
    assert not failed, failed
    figure = findings.figure()
    figure.canvas.draw()  # refuses what a slide could not show: missing glyphs warn, warnings are errors
    for axes in figure.axes:
        assert axes.get_title() or axes.get_label() == "<colorbar>" or not axes.axison
        if axes.axison and axes.get_label() != "<colorbar>":
            assert axes.get_xlabel(), axes.get_title()
            assert axes.get_ylabel(), axes.get_title()
    findings.to_json()
    return findings

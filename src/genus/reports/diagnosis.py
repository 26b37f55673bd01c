"""The doctor's findings as a section of a report."""

from __future__ import annotations

import html

from genus.training.doctor.checkup import Checkup
from genus.training.doctor.finding import Finding


def doctor_section(checkup: Checkup) -> str:
    """Findings with evidence and advice, treatments, and what could not be judged, as HTML."""
    parts = [] if checkup.findings else ["<p>Nothing amiss.</p>"]
    parts += [_finding(finding) for finding in checkup.findings]
    if checkup.treatments:
        items = "".join(f"<li>iteration {i:,}: {html.escape(says)}</li>" for i, says in checkup.treatments)
        parts.append(f"<p>Treated in training:</p><ul>{items}</ul>")
    if checkup.unseen:
        items = "".join(f"<li>{html.escape(text)}</li>" for text in checkup.unseen)
        parts.append(f"<p class='note'>Not judged:</p><ul class='note'>{items}</ul>")
    return "".join(parts)


def _finding(finding: Finding) -> str:
    when = f"iterations {finding.since:,} … {finding.until:,}"
    if not finding.present:
        return f"<p class='note'>Withdrawn: {html.escape(finding.name)} ({when}, not since).</p>"
    evidence = ", ".join(f"{name} {value:.4g}" for name, value in finding.evidence.items())
    advice = "".join(
        f"<li><code>{html.escape(' '.join(change.overrides))}</code> {html.escape(change.why)}</li>"
        for change in finding.advice
    )
    return (
        f"<p><b>{html.escape(finding.name)}</b> ({finding.severity}; {when}): {html.escape(finding.says)}</p>"
        f"<p class='note'>Evidence: {html.escape(evidence)}.</p>"
        + (f"<p class='note'>What helps:</p><ul class='note'>{advice}</ul>" if advice else "")
    )

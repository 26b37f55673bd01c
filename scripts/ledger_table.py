"""Rows of the ledger's quality table, from evaluated runs: `python scripts/ledger_table.py RUN …`."""

from __future__ import annotations

import sys
from pathlib import Path

from genus.metrics.evaluate import Evaluation
from genus.metrics.score import Score
from genus.training.run import Run

HEADING = (
    "| recipe | seconds | Fréchet | of the mixture's | precision / recall | others | protocol |\n"
    "|---|---|---|---|---|---|---|"
)


def row(path: str) -> str:
    """One run as a row of the table."""
    run = Run(path)
    evaluation = Evaluation.from_json((Path(path) / "evaluation.json").read_text())
    scores = {score.name: score for score in evaluation.scores}
    seconds = max(line["seconds"] for line in run.log_lines())
    frechet = scores.get("frechet")
    share = f"{frechet.value / frechet.baseline:.1%}" if frechet and frechet.baseline else "–"
    pair = " / ".join(f"{scores[n].value:.2f}" for n in ("precision", "recall") if n in scores)
    known = {"frechet", "precision", "recall", "frechet-limit", "kid", "density", "coverage"}
    others = "; ".join(text(score) for score in evaluation.scores if score.name not in known)
    distance, protocol = text(frechet, bare=True), evaluation.protocol.hash
    cells = [run.name, f"{seconds:.0f}", distance, share, pair, others, protocol]
    return "| " + " | ".join(cells) + " |"


def text(score: Score | None, *, bare: bool = False) -> str:
    """A score with its interval."""
    if score is None:
        return "–"
    name = "" if bare else f"{score.name}{f' ({score.kind})' if score.kind else ''} "
    return f"{name}{score.value:.4g} [{score.low:.4g}, {score.high:.4g}]"


if __name__ == "__main__":
    print(HEADING)
    for folder in sys.argv[1:]:
        print(row(folder))

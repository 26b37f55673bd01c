"""``genus compare``: runs side by side."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from genus.core.command import Argument, command
from genus.core.errors import InputError
from genus.verbs.evaluate import FeaturesOption, evaluate

if TYPE_CHECKING:
    from genus.metrics.compare import Row
    from genus.metrics.evaluate import Evaluation


def _print_rows(call: partial[list[Row]], *, json: bool = False) -> None:
    """Compare and print.

    Args:
        json: print JSON instead of a table.
    """
    rows = call()
    from genus.cli.tables import rows_json
    from genus.metrics.compare import table_text

    print(rows_json(rows) if json else table_text(rows))


@command("compare", show=_print_rows)
def compare(
    runs: Annotated[Sequence[str | PathLike[str]], Argument(metavar="RUN")],
    *,
    features: FeaturesOption = None,
) -> list[Row]:
    """Put runs side by side; measures those that have not been measured.

    Args:
        runs: folders of two or more runs.
        features: as for genus evaluate; all runs are then measured anew.

    Raises:
        InputError: for fewer than two runs.
        ProtocolError: when they were measured under different protocols.
    """
    if len(runs) < 2:
        raise InputError("compare needs two or more runs")
    from genus.metrics.compare import compare_evaluations
    from genus.metrics.evaluate import Evaluation

    found: dict[str, Evaluation] = {}
    for run in runs:
        kept = Path(run) / "evaluation.json"
        known = features is None and kept.is_file()
        result = Evaluation.from_json(kept.read_text()) if known else evaluate(run, features=features)
        found[os.fspath(run)] = result
    return compare_evaluations(found)

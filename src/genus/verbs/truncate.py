"""``genus truncate``: what truncated latents gain in quality and cost in diversity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from genus.core.command import Argument, Checkpoint, RunFolder, command
from genus.core.errors import DataError, InputError
from genus.verbs.evaluate import FeaturesOption

if TYPE_CHECKING:
    from genus.lab.findings import Findings
    from genus.metrics.evaluate import Evaluation
    from genus.metrics.evidence import Evidence

_LATENT_BOUNDS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Bounds t of a normal latent by default; at 3, one number in 370 is drawn again."""

_STYLE_SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Shares ψ of the way from the mean style by default; 1 truncates nothing."""

_METRICS = ("frechet", "neighbours", "accuracy")


def curve_printer(name: str, folder: str) -> Callable[..., None]:
    """What prints a curve of that name and says where its figure is, in FOLDER/NAME-N by default."""

    def print_curve(call: partial[Findings], *, json: bool = False) -> None:
        """Measure a curve, print it and where its figure is.

        Args:
            json: print JSON instead of a table.
        """
        from genus.assembly import chosen_folder

        with chosen_folder(call.keywords["out"], name, folder) as target:
            curve = call(out=target)
        if json:
            print(curve.to_json())
            return
        from genus.cli.console import make_console, say
        from genus.cli.tables import curve_table

        make_console().print(curve_table(curve))
        say(f"figure: {target / curve.name}.png")
        say(f"numbers: {target / curve.name}.json")

    return print_curve


@command("truncate", show=curve_printer("truncation", "truncate"))
def truncation_curve(
    run: RunFolder,
    at: Annotated[Sequence[float] | None, Argument(positional=False)] = None,
    *,
    n: int | None = None,
    features: FeaturesOption = None,
    standing: bool = False,
    out: Annotated[str | Path | None, Argument(metavar="FOLDER")] = None,
    checkpoint: Checkpoint = "auto",
) -> Findings:
    """Measure quality against diversity as a run's latent is truncated less and less, as a curve.

    Args:
        run: folder of a run whose model has a latent, such as a GAN; in Python the run itself, too.
        at: truncations, two or more, as for genus sample --truncation; 0.1 to 3 by default, or with styles
            0 to 1.
        n: samples at each; as many as there are training examples, at most 5000, by default.
        features: what distances are measured in, as for genus evaluate.
        standing: as for genus sample.
        out: new folder for truncation.png and truncation.json; truncate/truncation-N by default; in Python
            nothing is written then.
        checkpoint: auto is the best one where early stopping was on, else the latest.

    Returns:
        For every score the values, and the ends of their 95 % intervals, in the order of the truncations.

    Raises:
        CapabilityError: when the model has no latent.
        DataError: when the data have no features to measure in, or too few examples.
        InputError: for a truncation out of range, fewer than two of them, or a folder that is not empty.

    Paper: arXiv:1809.11096 (truncation trick); arXiv:1904.06991 for precision and recall.
    """
    from genus.core.capabilities import StyleSpace
    from genus.lab.findings import require_empty
    from genus.reports.truncation_curve import truncation_findings
    from genus.saved_runs import evidence

    if out is not None:
        require_empty(out)
    found = evidence(run, n=n, features=features, checkpoint=checkpoint)
    styles = isinstance(found.model, StyleSpace)
    bounds = sorted(set(at or (_STYLE_SHARES if styles else _LATENT_BOUNDS)))
    options = {
        "run": str(run),
        "n": found.protocol.num_samples,
        "features": found.protocol.features,
        "standing": standing,
    }
    measured = _measured(found, bounds, standing=standing)
    curve = truncation_findings(bounds, measured, styles=styles, options=options)
    if out is not None:
        curve.save(out)
    return curve


def _measured(found: Evidence, bounds: Sequence[float], *, standing: bool) -> list[Evaluation]:
    """An evaluation at each truncation; what is wrong is refused before work."""
    from genus.core.drawing import Drawing
    from genus.metrics.evaluate import measure
    from genus.sampling.draw import check_drawing

    ways = [Drawing(truncation=bound, standing=standing) for bound in bounds]
    for way in ways:
        check_drawing(found.model, way)
    if len(bounds) < 2:
        raise InputError("--at: a curve needs two or more different truncations, such as 0.5,1,2")
    measured = [measure(found.drawn(way), _METRICS) for way in ways]
    for evaluation, bound in zip(measured, bounds, strict=True):
        for name in {"frechet", "neighbours"} & set(evaluation.refused):
            raise DataError(f"{name} cannot be measured at {bound:g}: {evaluation.refused[name]}")
    return measured

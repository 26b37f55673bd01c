"""``genus steps``: what steps of a sampler buy, at equal calls of the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from genus.core.command import Argument, Checkpoint, RunFolder, command
from genus.core.errors import DataError
from genus.verbs.evaluate import FeaturesOption
from genus.verbs.truncate import curve_printer

if TYPE_CHECKING:
    from genus.lab.findings import Findings

_METRICS = ("frechet", "neighbours", "accuracy", "model-calls")


@command("steps", show=curve_printer("steps", "steps"))
def steps_curve(
    run: RunFolder,
    at: Annotated[Sequence[int], Argument(positional=False)] = (5, 10, 20, 50),
    *,
    samplers: Annotated[Sequence[str], Argument(metavar="A,B")] = ("",),
    n: int | None = None,
    features: FeaturesOption = None,
    guidance: float | None = None,
    out: Annotated[str | Path | None, Argument(metavar="FOLDER")] = None,
    checkpoint: Checkpoint = "auto",
) -> Findings:
    """Measure the quality of a diffusion model's samples against the calls of its network, as a curve.

    Args:
        run: folder of a run whose model has a sampler; in Python the run itself, too.
        at: numbers of steps.
        samplers: names (genus list samplers); the recipe's by default.
        n: samples at each; as many as there are training examples, at most 5000, by default.
        features: what distances are measured in, as for genus evaluate.
        guidance: as for genus sample.
        out: new folder for steps.png and steps.json; steps/steps-N by default; in Python nothing is written
            then.
        checkpoint: auto is the best one where early stopping was on, else the latest.

    Returns:
        For every sampler and number of steps the calls and the scores, with the ends of their 95 % intervals.

    Raises:
        CapabilityError: when the model has no sampler.
        DataError: when the data have no features to measure in, or too few examples.
        InputError: for an unknown sampler, steps that it cannot take, or a folder that is not empty.

    Paper: arXiv:2010.02502 (DDIM), arXiv:2206.00364 (samplers at equal calls).
    """
    from genus.core.drawing import Drawing
    from genus.lab.findings import require_empty
    from genus.metrics.evaluate import measure
    from genus.reports.steps_curve import steps_findings
    from genus.sampling.draw import check_drawing
    from genus.saved_runs import evidence

    if out is not None:
        require_empty(out)
    drawings = [
        Drawing(sampler=sampler, steps=number, guidance=guidance) for sampler in samplers for number in at
    ]
    found = evidence(run, n=n, features=features, checkpoint=checkpoint)
    for drawing in drawings:
        check_drawing(found.model, drawing)
    measured = [measure(found.drawn(drawing), _METRICS) for drawing in drawings]
    for one in measured:
        for name in {"frechet", "neighbours"} & set(one.refused):
            raise DataError(f"{name} cannot be measured: {one.refused[name]}")
    options = {"run": str(run), "n": found.protocol.num_samples, "features": found.protocol.features}
    curve = steps_findings(drawings, measured, options=options)
    if out is not None:
        curve.save(out)
    return curve

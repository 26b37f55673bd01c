"""``genus evaluate``: a run measured by the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Annotated

from genus.core.command import Argument, Checkpoint, DataSource, RunFolder, command
from genus.verbs.sample import SamplerOption

if TYPE_CHECKING:
    from genus.metrics.evaluate import Evaluation

FeaturesOption = Annotated[str | None, Argument(metavar="NAME|FILE")]
"""What distances are measured in."""


def _print_evaluation(call: partial[Evaluation], *, json: bool = False) -> None:
    """Measure and print.

    Args:
        json: print JSON instead of a table.
    """
    evaluation = call()
    if json:
        print(evaluation.to_json())
        return
    from genus.cli.console import make_console
    from genus.cli.tables import evaluation_table

    make_console().print(evaluation_table(evaluation))


@command("evaluate", show=_print_evaluation)
def evaluate(
    run: RunFolder,
    *,
    data: DataSource = None,
    n: int | None = None,
    features: FeaturesOption = None,
    truncation: float | None = None,
    standing: bool = False,
    means: bool = False,
    sampler: SamplerOption = "",
    steps: int | None = None,
    guidance: float | None = None,
    metrics: Annotated[Sequence[str] | None, Argument(metavar="A,B")] = None,
    checkpoint: Checkpoint = "auto",
    keep: Annotated[str | PathLike[str] | None, Argument(metavar="FOLDER")] = None,
) -> Evaluation:
    """Measure a run by the protocol; keeps the result in the run's folder.

    Args:
        run: folder of the run; in Python the run itself, too.
        data: other reference data than the run's own; the result is then not kept.
        n: samples to draw; as many as there are training examples, at most 5000, by default.
        features: what distances are measured in, in place of the data's default: a name (genus list
            features) or a file of genus features train; the result is then not kept.
        truncation: of the samples' latents, as for genus sample; genus truncate measures a whole curve.
        standing: beside a truncation, as for genus sample.
        means: of samples, as for genus sample; the protocol records it, and the result is not kept.
        sampler: as for genus sample, like steps and guidance; recorded, too.
        steps: of the sampler; genus steps measures a whole curve.
        guidance: its scale.
        metrics: what is measured, names (genus list metrics); all that fit by default.
        checkpoint: auto is the best one where early stopping was on, else the latest.
        keep: folder for the features of real examples, which evaluations of other runs by the same
            protocol then read instead of computing them again.

    Returns:
        The scores; kept in the run for tables and reports, unless an argument but ``keep`` was given.

    Raises:
        CapabilityError: when the model cannot draw as asked.
        DataError: when the data do not fit the model or the features.
        InputError: for a choice out of range.
        RecipeError: for an unknown metric or features; names the nearest.
    """
    from genus.core.drawing import Drawing
    from genus.core.registry import component
    from genus.metrics.evaluate import measure
    from genus.saved_runs import evidence
    from genus.training.durable import write_text
    from genus.training.run import Run

    drawing = Drawing(
        truncation=truncation, standing=standing, means=means, sampler=sampler, steps=steps, guidance=guidance
    )
    _ = [component("metric", name) for name in metrics or ()]  # refuses unknown ones before work
    found = evidence(run, data=data, n=n, features=features, checkpoint=checkpoint, keep=keep)
    result = measure(found.drawn(drawing), metrics)
    if (data, n, features, metrics, checkpoint, drawing) == (None, None, None, None, "auto", Drawing()):
        write_text(Run(run).path / "evaluation.json", result.to_json())
    return result

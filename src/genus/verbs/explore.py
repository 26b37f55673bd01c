"""``genus explore``: figures of a run's latent space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from genus.core.command import Argument, Checkpoint, RunFolder, command
from genus.core.errors import CapabilityError, InputError, nearest
from genus.verbs.sample import ConditionOption

if TYPE_CHECKING:
    from genus.core.batch import Condition
    from genus.core.model import Model
    from genus.reports.latent_figures.figure import Figure
    from genus.sampling.parse_condition import ConditionWords

_MOST = 100
"""Rows and columns of a figure, at most."""

_PNG = Argument(metavar="FILE.png", default="explored.png")


def _say_caption(call: partial[Figure]) -> None:
    """Draw a figure of the latent space and say what is seen."""
    from genus.cli.console import say

    say(f"{call.keywords['out']}: {call().caption}")


@command("explore", show=_say_caption)
def explore(
    run: RunFolder | Model,
    kind: Annotated[str, Argument(metavar="KIND", positional=False)] = "interpolation",
    *,
    rows: int = 6,
    columns: int = 8,
    seed: int = 0,
    label: Annotated[int | str | None, Argument(metavar="CLASS")] = None,
    condition: Annotated[ConditionWords | None, ConditionOption] = None,
    linear: bool = False,
    code: str | None = None,
    a: Sequence[int] = (0, 1, 2),
    b: Sequence[int] = (3, 4, 5),
    c: Sequence[int] = (6, 7, 8),
    out: Annotated[str | PathLike[str] | None, _PNG] = None,
    checkpoint: Checkpoint = "auto",
) -> Figure:
    """Draw what a run's latent space or its hidden units hold: ways, sums, styles, attention, codes, filters.

    Args:
        run: folder of the run; in Python the run itself or a model, too.
        kind: interpolation, arithmetic, truncation, mixing (of styles), attention, traversal (of
            codes) or filters.
        rows: of the figure, 1 to 100.
        columns: of the figure, 2 to 100.
        seed: sample i of genus sample with the same seed has the same latent.
        label: class of all samples, by name or number; all classes in turn, one per row, without it.
        condition: condition of all samples, as for genus sample.
        linear: interpolate on straight lines in place of great circles.
        code: the code that a traversal's columns go through; by default the first continuous, free one.
        a: numbers of the samples whose mean latent is A in A - B + C.
        b: the same for B.
        c: the same for C.
        out: a .png file; in Python nothing is written without it.
        checkpoint: auto is the best one where early stopping was on, else the latest.

    Raises:
        CapabilityError: when the model has no such latents or no codes, or takes no label.
        InputError: for an unknown kind, label or code, or sizes out of range.
    """
    from genus.core.model import Model
    from genus.reports.latent_figures.figure import FigureRequest
    from genus.sampling.draw import evaluating
    from genus.saved_runs import load

    _check(kind, rows, columns, out)
    model = run if isinstance(run, Model) else load(run, checkpoint=checkpoint)
    draw = _figure_of(model, kind)
    request = FigureRequest(
        rows=rows,
        columns=columns,
        seed=seed,
        condition=_conditions(run, model, rows, label, condition),
        linear=linear,
        code=code,
        terms=(a, b, c),
    )
    with evaluating(model):
        figure = draw(model, request)
    _write(out, figure, model)
    return figure


def _conditions(
    run: RunFolder | Model, model: Model, n: int, label: int | str | None, condition: ConditionWords | None
) -> Condition | None:
    """Condition of each row, on the model's device."""
    from genus.sampling.conditions import requested_condition
    from genus.sampling.draw import device_of
    from genus.saved_runs import opened_data

    found = requested_condition(model, n, label, condition, lambda: opened_data(run))
    return None if found is None else found.to(device_of(model))


def _write(out: str | PathLike[str] | None, figure: Figure, model: Model) -> None:
    from genus.reports.sheet import write_sheet

    if out is None:
        return
    try:
        write_sheet(Path(out), figure.examples.float().cpu().numpy(), model.spec, columns=figure.columns)
    except OSError as error:
        raise InputError(f"--out {str(out)!r}: cannot be written: {error.strerror or error}") from error


def _check(kind: str, rows: int, columns: int, out: str | PathLike[str] | None) -> None:
    """Refuse what is wrong whatever the model."""
    from genus.reports.latent_figures.kinds import KINDS

    if kind not in KINDS:
        raise InputError(f"unknown figure {kind!r}{nearest(kind, KINDS)}")
    if not 1 <= rows <= _MOST or not 2 <= columns <= _MOST:
        raise InputError(
            f"{rows} rows and {columns} columns: a figure has 1 to {_MOST} rows, 2 to {_MOST} columns"
        )
    if out is not None and Path(out).suffix != ".png":
        raise InputError(f"--out {str(out)!r}: a figure is written to a .png file")


def _figure_of(model: Model, kind: str) -> Callable[..., Figure]:
    """The function that makes a kind of figure of a model."""
    from genus.reports.latent_figures.kinds import KINDS

    figure = KINDS[kind]
    if not figure.fits(model):
        offered = [name for name, other in KINDS.items() if other.fits(model)]
        instead = f"; it offers {', '.join(offered)}" if offered else ""
        raise CapabilityError(f"{type(model).__name__} has no {figure.needs}, as {kind} needs{instead}")
    if model.spec.kind not in ("image", "volume"):
        raise CapabilityError(
            f"figures are made of images and volumes; this model draws {model.spec.describe()}"
        )
    return figure.draw

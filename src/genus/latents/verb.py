"""``genus explore``: figures of a run's latent space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from genus.core.errors import CapabilityError, InputError, nearest

if TYPE_CHECKING:
    from genus.core.model import Model
    from genus.latents.figures import Figure
    from genus.sampling.parse_condition import ConditionWords

MOST = 100
"""Rows and columns of a figure, at most."""


def explore(
    run: str | PathLike[str] | Model,
    kind: str = "interpolation",
    *,
    out: str | PathLike[str] | None = None,
    rows: int = 6,
    columns: int = 8,
    seed: int = 0,
    label: int | str | None = None,
    condition: ConditionWords | None = None,
    linear: bool = False,
    code: str | None = None,
    terms: Sequence[Sequence[int]] = ((0, 1, 2), (3, 4, 5), (6, 7, 8)),
    checkpoint: str = "auto",
) -> Figure:
    """Make a figure of what a model's latent space holds.

    Args:
        run: a run's folder, or a model that maps latents to images or volumes.
        kind: ``interpolation``, ``arithmetic``, ``truncation``, ``mixing`` (of styles), ``attention`` or
            ``traversal`` (of codes).
        out: a .png file to write it to; None for none.
        rows: of the figure, 1 to 100.
        columns: of the figure, 2 to 100.
        seed: sample i of :func:`genus.sample` with the same seed has the same latent.
        label: class name or number; all classes in turn when None, one per row.
        condition: see :func:`genus.sample`.
        linear: interpolate on straight lines in place of great circles.
        code: name of the code that a traversal's columns go through; the first continuous one that is not
            given when None.
        terms: three lists of sample numbers; their mean latents are A, B and C in A − B + C.
        checkpoint: see :func:`genus.load`.

    Returns:
        The figure.

    Raises:
        CapabilityError: when the model has no such latents or no codes, or takes no label.
        InputError: for an unknown kind, label or code, or sizes out of range.
    """
    from genus.api import load, opened_data
    from genus.core.model import Model
    from genus.latents.figures import Request
    from genus.reports.sheet import write_sheet
    from genus.sampling.conditions import requested_condition
    from genus.sampling.draw import device_of, evaluating

    _check(kind, rows, columns, terms, out)
    model = run if isinstance(run, Model) else load(run, checkpoint=checkpoint)
    function = _figure_of(model, kind)
    conditioned = requested_condition(model, rows, label, condition, lambda: opened_data(run))
    request = Request(
        rows=rows,
        columns=columns,
        seed=seed,
        condition=None if conditioned is None else conditioned.to(device_of(model)),
        linear=linear,
        code=code,
        terms=(terms[0], terms[1], terms[2]),
    )
    with evaluating(model):
        figure = function(model, request)
    if out is not None:
        try:
            write_sheet(Path(out), figure.examples.float().cpu().numpy(), model.spec, columns=figure.columns)
        except OSError as error:
            raise InputError(f"--out {str(out)!r}: cannot be written: {error.strerror or error}") from error
    return figure


def _check(
    kind: str, rows: int, columns: int, terms: Sequence[Sequence[int]], out: str | PathLike[str] | None
) -> None:
    """Refuse what is wrong whatever the model."""
    from genus.latents.figures import KINDS

    if kind not in KINDS:
        raise InputError(f"unknown figure {kind!r}{nearest(kind, KINDS)}")
    if not 1 <= rows <= MOST or not 2 <= columns <= MOST:
        raise InputError(
            f"{rows} rows and {columns} columns: a figure has 1 to {MOST} rows, 2 to {MOST} columns"
        )
    if len(terms) != 3:
        raise InputError("terms: give three lists of sample numbers, for A, B and C in A − B + C")
    if out is not None and Path(out).suffix != ".png":
        raise InputError(f"--out {str(out)!r}: a figure is written to a .png file")


def _figure_of(model: Model, kind: str) -> Callable[..., Figure]:
    """What makes a kind of figure of a model that can have it."""
    from genus.latents.figures import KINDS

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

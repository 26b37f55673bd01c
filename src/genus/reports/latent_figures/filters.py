"""The figure of what hidden units look for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genus.core.filters import ShowsFilters
from genus.core.model import Model
from genus.reports.latent_figures.figure import Figure, FigureRequest

if TYPE_CHECKING:

    class FilterModel(Model, ShowsFilters):
        """A model with filters."""


def filters(model: FilterModel, asked: FigureRequest) -> Figure:
    """Weights of the hidden units with the largest norms, as many as the figure holds.

    Zero is the middle of the range, and the weight that is farthest from it one of its ends, for all alike.
    """
    found = model.filters().float()
    norms = found.flatten(1).norm(dim=1)
    chosen = norms.argsort(descending=True)[: asked.rows * asked.columns]
    shown = found[chosen]
    low, high = model.spec.range or (0.0, 1.0)
    shown = (low + high) / 2 + (high - low) / 2 * shown / shown.abs().max().clamp_min(1e-12)
    caption = f"weights of {len(shown)} of {len(found)} hidden units, the strongest first; mid-grey is 0"
    return Figure(examples=shown, columns=asked.columns, caption=caption)

"""Every kind of figure by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from genus.core.capabilities import LatentSpace, StyleSpace
from genus.core.filters import ShowsFilters
from genus.core.model import Model
from genus.reports.latent_figures.attention import attention
from genus.reports.latent_figures.figure import Figure
from genus.reports.latent_figures.filters import filters
from genus.reports.latent_figures.latent_points import arithmetic, interpolation, mixing, truncation
from genus.reports.latent_figures.traversal import traversal


class FigureKind(NamedTuple):
    """A kind of figure.

    Args:
        needs: what a model must offer, in words.
        fits: whether a model offers it.
        draw: from a model that does and a :class:`FigureRequest` to a :class:`Figure`.
    """

    needs: str
    fits: Callable[[Model], bool]
    draw: Callable[..., Figure]


def _has_latent(model: Model) -> bool:
    return isinstance(model, LatentSpace)


def _has_styles(model: Model) -> bool:
    return isinstance(model, StyleSpace)


def _has_filters(model: Model) -> bool:
    return isinstance(model, ShowsFilters)


def _has_codes(model: Model) -> bool:
    return isinstance(model, LatentSpace) and model.codes is not None


KINDS: Mapping[str, FigureKind] = {
    "interpolation": FigureKind("latent to choose", _has_latent, interpolation),
    "arithmetic": FigureKind("latent to choose", _has_latent, arithmetic),
    "truncation": FigureKind("latent to choose", _has_latent, truncation),
    "mixing": FigureKind("styles", _has_styles, mixing),
    "attention": FigureKind("latent to choose", _has_latent, attention),
    "traversal": FigureKind("codes", _has_codes, traversal),
    "filters": FigureKind("hidden units that see whole examples", _has_filters, filters),
}
"""Every kind of figure by name."""

"""Every genus of deep generative model: one engine, one command line, one honest protocol."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genus.api import (
        compare,
        doctor,
        evaluate,
        load,
        report,
        resume,
        sample,
        train,
    )
    from genus.assembly import show
    from genus.bench.verb import bench
    from genus.catalogue import data_info, experiment, experiment_options, list_components
    from genus.core.errors import GenusError
    from genus.feature_networks import export_features, train_features
    from genus.latents.truncation_curve import truncation_curve
    from genus.latents.verb import explore
    from genus.named_gans.zoo import zoo
    from genus.rating import rating_page, rating_results
    from genus.redrawing import redraw

__all__ = [
    "GenusError", "bench", "compare", "data_info", "doctor", "evaluate", "experiment", "experiment_options",
    "explore", "export_features",
    "list_components", "load", "rating_page", "rating_results", "redraw", "report", "resume",
    "sample", "show", "train", "train_features", "truncation_curve", "zoo",
]  # fmt: skip
_ELSEWHERE = {
    "GenusError": "genus.core.errors", "bench": "genus.bench.verb", "show": "genus.assembly",
    "data_info": "genus.catalogue", "experiment": "genus.catalogue", "experiment_options": "genus.catalogue",
    "list_components": "genus.catalogue", "export_features": "genus.feature_networks",
    "train_features": "genus.feature_networks", "explore": "genus.latents.verb",
    "zoo": "genus.named_gans.zoo", "rating_page": "genus.rating", "rating_results": "genus.rating",
    "redraw": "genus.redrawing", "truncation_curve": "genus.latents.truncation_curve",
}  # fmt: skip
"""Public names that are not in ``genus.api``."""
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import public names when they are first used, so that ``import genus`` costs nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'genus' has no attribute {name!r}")
    return getattr(importlib.import_module(_ELSEWHERE.get(name, "genus.api")), name)

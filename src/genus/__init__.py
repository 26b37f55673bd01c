"""Every genus of deep generative model: one engine, one command line, one honest protocol."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genus.api import (
        compare,
        data_info,
        evaluate,
        experiment,
        experiment_options,
        list_components,
        load,
        report,
        resume,
        sample,
        show,
        train,
    )
    from genus.core.errors import GenusError

__all__ = [
    "GenusError", "compare", "data_info", "evaluate", "experiment", "experiment_options",
    "list_components", "load", "report", "resume", "sample", "show", "train",
]  # fmt: skip
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import public names when they are first used, so that ``import genus`` costs nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'genus' has no attribute {name!r}")
    module = "genus.core.errors" if name == "GenusError" else "genus.api"
    return getattr(importlib.import_module(module), name)

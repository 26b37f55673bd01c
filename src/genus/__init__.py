"""Every genus of deep generative model: one engine, one command line, one honest protocol."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genus.core.errors import GenusError as GenusError
    from genus.saved_runs import load as load

_OTHERS = {"GenusError": "genus.core.errors", "load": "genus.saved_runs"}
"""Public names that are no functions of ``genus.verbs``."""
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import public names when they are first used, so that ``import genus`` costs nothing."""
    if name.startswith("__") and name != "__all__":
        raise AttributeError(f"module 'genus' has no attribute {name!r}")
    from genus.core.command import public_functions

    places = {**_OTHERS, **public_functions()}
    if name == "__all__":
        return sorted(places)
    if name not in places:
        raise AttributeError(f"module 'genus' has no attribute {name!r}")
    return getattr(importlib.import_module(places[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *__getattr__("__all__")]

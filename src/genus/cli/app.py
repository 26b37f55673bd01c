"""The application that commands register with, and their names."""

from __future__ import annotations

import tyro

VERBS = (
    "train",
    "resume",
    "sample",
    "explore",
    "redraw",
    "truncate",
    "evaluate",
    "compare",
    "report",
    "doctor",
    "rate",
    "features",
    "list",
    "show",
    "data",
    "bench",
    "lab",
    "zoo",
)
"""The commands, in the order of a story."""

Overrides = tyro.conf.Positional[tuple[str, ...]]
"""Settings to change, ``key.path=value``."""

app = tyro.extras.SubcommandApp()

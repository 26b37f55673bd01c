"""The console of commands, and the rendering of docstrings on it."""

from __future__ import annotations

import os
import re
import sys

from rich.console import Console
from rich.table import Table

_PIPE_WIDTH = 160
"""Columns where nobody says how wide the output is: tables need not wrap in a file."""


def make_console(*, stderr: bool = False) -> Console:
    """Console of the moment: made for each command, because terminals change their width."""
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(soft_wrap=True, highlight=False, width=None if known else _PIPE_WIDTH, stderr=stderr)


def say(text: str) -> None:
    """Print a line as it is, without markup."""
    make_console().print(text, markup=False)


def borderless_table() -> Table:
    """An empty table without lines and headings; its first column does not wrap."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    return table


def plain(doc: str) -> str:
    """A docstring's text without the marks of its markup.

    >>> plain("linear to ``final``, see :func:`genus.sample`")
    'linear to final, see genus.sample'
    """
    return re.sub(r":\w+:`~?([^`]*)`", r"\1", doc).replace("``", "")

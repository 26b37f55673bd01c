"""Named GANs on a terminal: a line each, or all facts where there are few. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.markup import escape
from rich.table import Table

from genus.cli.console import borderless_table
from genus.named_gans.entries import NamedGAN

FEW = 3
"""Up to so many entries are shown with all their facts."""


def zoo_table(found: Sequence[NamedGAN]) -> Table:
    """All facts of a few entries; of more, the paper and what builds or composes each."""
    table = borderless_table()
    if len(found) <= FEW:
        for number, entry in enumerate(found):
            for name, text in _facts(entry):
                table.add_row(name, text)
            if number < len(found) - 1:
                table.add_row()
        return table
    for entry in found:
        title = f"{escape(entry.title)} [dim]({entry.year})[/dim]"
        table.add_row(f"[bold]{escape(entry.name)}[/bold]", title, _standing(entry))
    return table


def zoo_json(found: Sequence[NamedGAN]) -> str:
    """Entries as JSON text, all facts of each."""
    return json.dumps([asdict(entry) for entry in found], indent=1, ensure_ascii=False)


def _facts(entry: NamedGAN) -> list[tuple[str, str]]:
    name = f"{entry.name} ({entry.also})" if entry.also else entry.name
    paper = f", {entry.paper}" if entry.paper else ""
    rows = [
        (f"[bold]{escape(name)}[/bold]", escape(f"{entry.title} ({entry.year}{paper})")),
        ("[dim]field[/dim]", escape(entry.field)),
        ("[dim]what[/dim]", escape(entry.what)),
        ("[dim]here[/dim]", _standing(entry)),
    ]
    return [*rows, ("[dim]differs[/dim]", escape(entry.differs))] if entry.differs else rows


def _standing(entry: NamedGAN) -> str:
    if entry.recipe:
        return f"recipe {escape(entry.recipe)}"
    if entry.composes:
        return escape(entry.composes)
    return f"[dim]not built: needs {escape(entry.needs)}[/dim]"

"""Write the table of recipes into README.md: ``python scripts/recipe_table.py``."""

from __future__ import annotations

import re
from pathlib import Path

import genus
from genus.core.recipe_text import BOOK

README = Path(__file__).parents[1] / "README.md"
_TABLE = re.compile(r"(<!-- recipes: .*? -->\n).*?(<!-- /recipes -->)", re.S)


def recipe_table() -> str:
    """Name and summary of every recipe that comes with genus, as Markdown."""
    own = {path.stem for path in BOOK.rglob("*.yaml")}  # not those of installed plug-ins
    rows = [
        f"| `{name}` | {summary} |"
        for name, summary in genus.list_components("recipes").items()
        if name in own
    ]
    return "\n".join(["| recipe | what it is |", "|---|---|", *rows]) + "\n"


def with_table(text: str) -> str:
    """The README's text with the table of today's recipes."""
    return _TABLE.sub(lambda found: found[1] + recipe_table() + found[2], text)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")

"""Entries of named GANs: what defines each, and whether genus builds it. Needs no torch."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml

FOLDER = Path(__file__).parent
"""Where the entries are; the name of a file is the field of its entries."""

Standing = Literal["recipe", "composes", "needs"]


@dataclass(frozen=True)
class NamedGAN:
    """Facts on a named GAN; exactly one of ``recipe``, ``composes`` and ``needs`` is not empty.

    Args:
        name: as its authors write it, or the list of names.
        title: of the paper.
        year: of the paper's first version.
        field: what it is about: objective, architecture, text, ….
        what: what defines it, in a sentence.
        paper: ``arXiv:NUMBER``; empty where there is none.
        also: another name of it.
        recipe: the recipe that builds it.
        composes: the command that closely composes it.
        needs: what genus has not, where neither builds it.
        differs: in what the recipe or command is not the paper's.
        listed: whether it stands on the GAN Zoo list of 2017.
    """

    name: str
    title: str
    year: int
    field: str
    what: str
    paper: str = ""
    also: str = ""
    recipe: str = ""
    composes: str = ""
    needs: str = ""
    differs: str = ""
    listed: bool = True

    @property
    def standing(self) -> Standing:
        """Whether genus builds it."""
        return "recipe" if self.recipe else "composes" if self.composes else "needs"

    def matches(self, words: Iterable[str]) -> bool:
        """Whether every word, in lower case, begins one of this entry's words."""
        facts = (self.name, self.also, self.title, self.field, self.what, str(self.year), self.paper)
        text = " ".join(facts).lower()
        return all(re.search(rf"(?<!\w){re.escape(word)}", text) for word in words)


def count(found: Sequence[NamedGAN]) -> str:
    """Number of entries, and of those that genus builds.

    >>> count([entry for entry in entries() if entry.name == "DRAGAN"])
    '1 entry, 1 built by a recipe, 0 composed by overrides'
    """
    built, composed = (
        sum(entry.standing == standing for entry in found) for standing in ("recipe", "composes")
    )
    noun = "entry" if len(found) == 1 else "entries"
    return f"{len(found)} {noun}, {built} built by a recipe, {composed} composed by overrides"


@lru_cache
def entries() -> tuple[NamedGAN, ...]:
    """All entries by name."""
    found = [
        NamedGAN(**raw, field=path.stem)
        for path in sorted(FOLDER.glob("*.yaml"))
        for raw in _read(path.read_text(encoding="utf-8"))
    ]
    return tuple(sorted(found, key=lambda entry: (entry.name.lower(), entry.title)))


def _read(text: str) -> list[dict[str, Any]]:
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def names_of(entry: NamedGAN) -> set[str]:
    """Its names in lower case."""
    return {name.lower() for name in (entry.name, entry.also) if name}


def nearest_entry(wanted: str) -> str:
    """The nearest name, or what may be searched."""
    names = {name: entry.name for entry in entries() for name in names_of(entry)}
    close = difflib.get_close_matches(wanted, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {names[close[0]]!r}?"
    fields = ", ".join(sorted({entry.field for entry in entries()}))
    return f"; search words of names, titles or years, or a field: {fields}"

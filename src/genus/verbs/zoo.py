"""``genus zoo``: named GANs by a search. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from genus.core.command import Argument, command
from genus.core.errors import InputError
from genus.named_gans.entries import NamedGAN, entries, names_of, nearest_entry


def _print_entries(call: partial[list[NamedGAN]], *, json: bool = False) -> None:
    """Print the entries and how many of them genus builds.

    Args:
        json: print JSON instead of a table.
    """
    from genus.cli.console import make_console, say
    from genus.cli.zoo_tables import zoo_json, zoo_table
    from genus.named_gans.entries import count

    found = call()
    if json:
        print(zoo_json(found))
        return
    make_console().print(zoo_table(found))
    say(f"\n{count(found)}")


@command("zoo", show=_print_entries)
def zoo(query: Annotated[str | Sequence[str], Argument(metavar="WORD")] = "") -> list[NamedGAN]:
    """Search about two hundred named GANs: what each is, and what builds or composes it here.

    Those of that very name come first, then all others by name.

    Args:
        query: words, or beginnings of words, that all must occur in an entry's name, title, field,
            description, year or paper, in upper or lower case; all GANs without any.

    Raises:
        InputError: when there is none; names the nearest.

    >>> [entry.name for entry in zoo("wasserstein 2017 penalty")]
    ['3D-IWGAN', 'WGAN-GP']
    """
    wanted = (query if isinstance(query, str) else " ".join(query)).lower().strip()
    found = [entry for entry in entries() if entry.matches(wanted.split())]
    if not found:
        raise InputError(f"no named GAN matches {wanted!r}{nearest_entry(wanted)}")
    return sorted(found, key=lambda entry: wanted not in names_of(entry))

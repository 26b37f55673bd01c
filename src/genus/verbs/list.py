"""``genus list``: what there is, by name."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from genus.core.command import Argument, command
from genus.core.errors import InputError, nearest


def _print_components(call: partial[dict[str, str]], *, json: bool = False) -> None:
    """Print names and summaries.

    Args:
        json: print JSON instead of a table.
    """
    found = call()
    if json:
        from json import dumps

        print(dumps(found, indent=1))
        return
    from genus.cli.console import make_console
    from genus.cli.describe import components_table

    make_console().print(components_table(found))


@command("list", show=_print_components)
def list_components(kind: Annotated[str, Argument(metavar="WHAT")] = "recipes") -> dict[str, str]:
    """List recipes, models, objectives, penalties, networks, metrics, data, …

    Args:
        kind: recipes, models, networks, objectives, penalties, regularisers, conditioning, augmentations,
            augmentation-schedules, discriminator-schedules, optimizers, schedules, metrics, features, data,
            lab or suites.

    Returns:
        Summaries of one line by name.

    Raises:
        InputError: for an unknown kind.

    >>> list_components("objectives")["wasserstein"]
    'Dual of the earth-mover distance: the critic maximises E D(x) − E D(G(z)).'
    """
    from genus.core.registry import KINDS, components

    if kind == "recipes":
        return _recipes()
    if kind == "suites":
        from genus.bench.suite import load_suite, suite_files

        return {name: load_suite(name)[1].summary for name in suite_files()}
    plurals = {"penalties": "penalty", "data": "data", "features": "features", "conditioning": "conditioning"}
    plurals["lab"] = "lab"
    plurals |= {k.replace("_", "-") + "s": k for k in KINDS if k not in plurals.values()}
    if kind not in plurals:
        raise InputError(f"there is no list of {kind!r}{nearest(kind, ['recipes', *plurals, 'suites'])}")
    return {name: entry.summary for name, entry in components(plurals[kind]).items()}


def _recipes() -> dict[str, str]:
    from genus.core.recipe_text import parse_yaml, recipe_files

    found: dict[str, str] = {}
    for name, path in recipe_files().items():
        found[name] = str(parse_yaml(path.read_text(encoding="utf-8"), name).get("summary", ""))
    return dict(sorted(found.items()))

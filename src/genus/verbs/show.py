"""``genus show``: a recipe with every default."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from genus.core.command import DataSource, Overrides, RecipeSource, command
from genus.core.source_files import collector_paused

if TYPE_CHECKING:
    from genus.core.recipe import Recipe


@collector_paused()
def _print_recipe(call: partial[Recipe]) -> None:
    """Print what a recipe is, then every setting."""
    from rich.markup import escape

    from genus.cli.console import make_console
    from genus.cli.describe import settings_table

    bound, console = call(), make_console()
    config = bound.config
    console.print(f"[bold]{escape(bound.name)}[/bold]: {escape(config['summary'])}")
    for key in ("paper", "equation", "deviations"):
        if config[key]:
            console.print(f"[dim]{key}[/dim]  {escape(config[key])}")
    if config["expects"]["cost"]:
        console.print(f"[dim]expected cost[/dim]  {escape(config['expects']['cost'])}")
    for name, text in config["expects"]["numbers"].items():
        console.print(f"[dim]expected[/dim]  {escape(name)}: {escape(text)}")
    console.print()
    console.print(settings_table(bound))


@command("show", show=_print_recipe)
def show(recipe: RecipeSource = "default", overrides: Overrides = (), *, data: DataSource = None) -> Recipe:
    """Show a recipe: composition, paper, equation, expected cost, every default.

    Nothing is trained, and torch is not loaded.

    Args:
        recipe: name of a recipe (genus list recipes) or path of a YAML file; in Python a mapping, too.
        overrides: settings to change, key.path=value.
        data: name of a data set or path, in place of the recipe's.

    Raises:
        RecipeError: naming the key and the nearest known name.

    >>> show("vae", ["model.latent=2"], data="digits8").config["model"]["latent"]
    2
    """
    from genus.core.recipe import load_recipe
    from genus.data.locate import describe_source

    return load_recipe(recipe, overrides, data=data, locate=describe_source)

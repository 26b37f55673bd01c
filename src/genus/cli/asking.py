"""Commands about everything that needs no run of its own: their words, options and help."""

from __future__ import annotations

from typing import Literal

import tyro

from genus.cli.app import Overrides, app


@app.command(name="list")
def list_(what: tyro.conf.Positional[str] = "recipes", *, json: bool = False) -> None:
    """List recipes, models, objectives, penalties, networks, metrics, data, …

    Args:
        what: recipes, models, networks, objectives, penalties, regularisers, conditioning,
            augmentations, augmentation-schedules, discriminator-schedules, optimizers, schedules, metrics,
            features, data, lab or suites.
        json: print JSON instead of a table.
    """
    from genus.cli import commands

    commands.list_components(what, json)


@app.command
def show(recipe: tyro.conf.Positional[str] = "default", overrides: Overrides = ()) -> None:
    """Show a recipe: composition, paper, equation, expected cost, every default.

    Args:
        recipe: name of a recipe or path of a YAML file.
        overrides: settings to change, key.path=value.
    """
    from genus.cli import commands

    commands.show(recipe, overrides)


@app.command
def data(
    action: tyro.conf.Positional[Literal["info"]],
    path: tyro.conf.Positional[str],
    arguments: Overrides = (),
    *,
    json: bool = False,
) -> None:
    """Describe and validate data before anything trains: genus data info PATH size=64 alpha=white.

    Args:
        action: info.
        path: a data set's name, or a file or folder.
        arguments: arguments of the data set or reader, key=value.
        json: print JSON instead of a table.
    """
    del action
    from genus.cli import commands

    commands.data_info(path, arguments, json)


@app.command
def bench(
    suite: tyro.conf.Positional[str],
    *,
    out: str | None = None,
    processes: int | None = None,
    json: bool = False,
) -> None:
    """Rank recipes over data sets and seeds at equal cost; the same command again continues.

    Args:
        suite: name of a suite (genus list suites) or path of a YAML file.
        out: folder of the trainings and the leaderboard; bench/SUITE by default.
        processes: trainings at a time; by default one for each core, on a GPU one.
        json: print JSON instead of tables.
    """
    from genus.cli import commands

    commands.bench(suite, out, processes, json)


@app.command
def lab(
    experiment: tyro.conf.Positional[str] = "",
    options: Overrides = (),
    /,
    *,
    out: str | None = None,
    json: bool = False,
) -> None:
    """Run an experiment of the laboratory; `genus lab NAME --help` shows its options.

    Args:
        experiment: its name; without one, all are listed.
        options: of the experiment, key=value.
        out: new folder for the figure and the numbers; lab/NAME-N by default.
        json: print JSON instead of tables.
    """
    from genus.cli import commands

    commands.lab(experiment, options, out, json)


@app.command
def zoo(query: tyro.conf.Positional[tuple[str, ...]] = (), *, json: bool = False) -> None:
    """Search about two hundred named GANs: what each is, and what builds or composes it here.

    Args:
        query: words of its name, title, field, description or year; all GANs without any.
        json: print JSON instead of a table.
    """
    from genus.cli import commands

    commands.zoo(query, json)

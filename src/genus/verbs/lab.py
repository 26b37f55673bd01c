"""``genus lab``: experiments of the laboratory."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from genus.core.command import Argument, command
from genus.core.errors import RecipeError, nearest

if TYPE_CHECKING:
    from genus.lab.findings import Findings


def _print_findings(call: partial[Findings], *, json: bool = False) -> None:
    """Run an experiment, print its numbers and where its figure is; list all without a name.

    Args:
        json: print JSON instead of tables.
    """
    from genus.assembly import chosen_folder
    from genus.verbs.list import _print_components, list_components

    (name,) = call.args
    if not name:
        _print_components(partial(list_components, "lab"), json=json)
        return
    experiment_options(name, _options(call))  # errors before anything heavy loads
    with chosen_folder(call.keywords["out"], name, "lab") as target:
        findings = call(out=target)
    if json:
        print(findings.to_json())
        return
    from genus.cli.console import make_console, say
    from genus.cli.tables import checks_table, numbers_table

    make_console().print(numbers_table(findings))
    make_console().print()
    make_console().print(checks_table(findings))
    say(f"figure: {target / name}.png")
    say(f"numbers: {target / name}.json")


def _print_options(call: partial[Findings]) -> None:
    """Print the summary of an experiment, and every option with its default."""
    from genus.cli.console import make_console, say
    from genus.cli.describe import experiment_table

    (name,) = call.args
    resolved = experiment_options(name, _options(call))
    say(f"usage: genus lab {name} [key=value …] [--out FOLDER] [--json]\n")
    make_console().print(experiment_table(name, resolved))


def _options(call: partial[Findings]) -> dict[str, Any]:
    return {key: value for key, value in call.keywords.items() if key != "out"}


@command("lab", show=_print_findings, explain=_print_options)
def experiment(
    name: Annotated[str, Argument(metavar="EXPERIMENT", default="")],
    /,
    *,
    out: Annotated[str | Path | None, Argument(metavar="FOLDER")] = None,
    **options: Any,
) -> Findings:
    """Run an experiment of the laboratory; ``genus lab NAME --help`` shows its options.

    Args:
        name: of the experiment (genus list lab); genus lab without one lists all.
        out: new folder for NAME.png and NAME.json; lab/NAME-N by default; in Python nothing is written then.
        options: of the experiment (genus lab NAME --help).

    Returns:
        Its numbers, its comparisons with closed forms, and its figure.

    Raises:
        RecipeError: for an unknown experiment or option; names the nearest.
        InputError: for an impossible value, or when ``out`` is not empty; before any work.

    >>> bool(experiment("earth-mover").numbers["work"] == 7)
    True
    """
    resolved = experiment_options(name, options)
    from dataclasses import replace

    from genus.core.binder import bind
    from genus.lab.findings import require_empty

    if out is not None:
        require_empty(out)
    findings = replace(bind("lab", {"name": name, **resolved})(), name=name, options=resolved)
    if out is not None:
        findings.save(out)
    return findings


def experiment_options(name: str, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Options of an experiment with every default written out; needs neither torch nor matplotlib.

    Args:
        name: of the experiment.
        options: settings that differ from the defaults.

    Raises:
        RecipeError: for an unknown experiment or option; names the nearest.

    >>> experiment_options("uniformity", {"samples": 300})["samples"]
    300
    """
    from genus.core.binder import resolve
    from genus.core.registry import components

    experiments = components("lab")
    if name not in experiments:
        raise RecipeError(f"there is no experiment {name!r}{nearest(str(name), experiments)}")
    known = [parameter.name for parameter in experiments[name].parameters]
    for key in options or {}:
        if key not in known:
            raise RecipeError(f"experiment {name!r} takes no {key!r}{nearest(key, known)}")
    resolved = resolve("lab", {"name": name, **(options or {})}, name)
    return {key: resolved[key] for key in known}

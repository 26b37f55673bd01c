"""What can be asked without training: lists, data, experiments of the laboratory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genus.core.errors import InputError, RecipeError, nearest

if TYPE_CHECKING:
    from genus.lab.findings import Findings


def list_components(kind: str) -> dict[str, str]:
    """Names and one-line summaries of ``recipes`` or of a kind of component.

    Args:
        kind: ``recipes``, ``data``, or a kind in the plural: ``models``, ``objectives``, …

    Raises:
        InputError: for an unknown kind.

    >>> list_components("objectives")["wasserstein"]
    'Dual of the earth-mover distance: the critic maximises E D(x) − E D(G(z)).'
    """
    from genus.core.recipe import parse_yaml, recipe_files
    from genus.core.registry import KINDS, components

    if kind == "recipes":
        found = {}
        for name, path in recipe_files().items():
            found[name] = str(parse_yaml(path.read_text(encoding="utf-8"), name).get("summary", ""))
        return dict(sorted(found.items()))
    plurals = {"penalties": "penalty", "data": "data", "features": "features", "conditioning": "conditioning"}
    plurals["lab"] = "lab"
    plurals |= {k.replace("_", "-") + "s": k for k in KINDS if k not in plurals.values()}
    if kind not in plurals:
        raise InputError(f"there is no list of {kind!r}{nearest(kind, ['recipes', *plurals])}")
    return {name: entry.summary for name, entry in components(plurals[kind]).items()}


def data_info(text: str, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Validate a data set or path and describe it.

    Args:
        text: name of a data set, or path of a file or folder.
        arguments: of the data set or reader, ``{"size": 64, "alpha": "white"}``.

    Returns:
        See :func:`genus.data.info.data_info`.

    Raises:
        DataError: saying what is wrong with the data.
        RecipeError: when the reader takes no such argument.

    >>> data_info("ring", {"modes": 5})["spec"]
    'vector 2, unbounded values, 5 classes'
    """
    from genus.data.info import data_info as describe

    return describe(text, arguments)


def experiment(name: str, /, *, out: str | Path | None = None, **options: Any) -> Findings:
    """Run an experiment of the laboratory (``genus list lab``).

    Args:
        name: of the experiment.
        out: new folder for ``NAME.png`` and ``NAME.json``; nothing is written when None.
        options: of the experiment; see :func:`experiment_options` for all with their defaults.

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
        options: what shall differ from the defaults.

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

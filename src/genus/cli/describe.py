"""Tables of what is known without training: settings, components, data. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from genus.cli.console import borderless_table, plain
from genus.core.recipe import Recipe
from genus.core.registry import Parameter, component
from genus.core.train_settings import TrainSettings

_SECTIONS = ("model", "optimizer", "data", "train")


def components_table(found: Mapping[str, str]) -> Table:
    """Names and summaries."""
    table = borderless_table()
    for name, summary in found.items():
        table.add_row(f"[bold]{escape(name)}[/bold]", escape(plain(summary)))
    return table


def settings_table(recipe: Recipe) -> Table:
    """Every setting of a recipe: path, value and what it means."""
    docs = setting_docs(recipe.config)
    table = borderless_table()
    leaves = recipe.leaves()
    for path, value in leaves:
        if path.split(".")[0] in _SECTIONS:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            doc = escape(plain(docs.get(path, "")))
            table.add_row(escape(path), f"[bold]{escape(text)}[/bold]", f"[dim]{doc}[/dim]")
    return table


def experiment_table(name: str, options: Mapping[str, Any]) -> Table:
    """Summary of an experiment, then every option: name, value and what it means."""
    entry = component("lab", name)
    table = borderless_table()
    table.add_row(escape(name), "", escape(plain(entry.summary)))
    if entry.paper:
        table.add_row("", "", f"[dim]{escape(entry.paper)}[/dim]")
    for parameter in entry.parameters:
        value = options[parameter.name]
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        doc = escape(plain(parameter.doc))
        table.add_row(escape(parameter.name), f"[bold]{escape(text)}[/bold]", f"[dim]{doc}[/dim]")
    return table


def setting_docs(config: Mapping[str, Any]) -> dict[str, str]:
    """One line per setting, from the docstrings of its components."""
    found = {f"train.{name}": field.description or "" for name, field in TrainSettings.model_fields.items()}

    def visit(kind: str, value: Mapping[str, Any], where: str) -> None:
        entry = component(kind, value["name"])
        found[f"{where}.name"] = entry.summary
        arguments(entry.parameters, value, where)

    def arguments(parameters: Sequence[Parameter], values: Mapping[str, Any], where: str) -> None:
        for parameter in parameters:
            here = f"{where}.{parameter.name}"
            found[here] = parameter.doc
            nested, item = parameter.component_kind, values.get(parameter.name)
            if parameter.group is not None:
                arguments(parameter.group.parameters, item or {}, here)
            elif nested and isinstance(item, list):
                for i, one in enumerate(item):
                    visit(nested, one, f"{here}.{i}")
            elif nested and item:
                visit(nested, item, here)

    for key in ("model", "optimizer", "data"):
        visit(key, config[key], key)
    visit("schedule", config["train"]["schedule"], "train.schedule")
    found["optimizer.groups"] = "arguments that differ by group: optimizer.groups.GROUP.lr=…"
    for group, change in config["optimizer"]["groups"].items():
        for key in change:
            found[f"optimizer.groups.{group}.{key}"] = found[f"optimizer.{key}"]
    return found


def data_table(info: Mapping[str, Any]) -> Table:
    """Table of what :func:`genus.data_info` found."""
    table = borderless_table()
    for key in ("name", "description", "licence", "spec"):
        if info[key]:
            table.add_row(f"[dim]{key}[/dim]", escape(info[key]))
    for name, split in info["splits"].items():
        table.add_row(
            f"[dim]{escape(name)}[/dim]",
            f"{split['examples']:,} examples, {split['megabytes']:.3g} MB as float32; values "
            f"{split['minimum']:.4g} … {split['maximum']:.4g}, mean {split['mean']:.4g}, "
            f"standard deviation {split['std']:.4g}",
        )
        if split["classes"]:
            counts = ", ".join(f"{label}: {count:,}" for label, count in split["classes"].items())
            table.add_row("", escape(f"by class: {counts}"))
    for remark in info["remarks"]:
        table.add_row("[dim]remark[/dim]", escape(remark.rstrip()))
    table.add_row("[dim]fingerprint[/dim]", escape(info["fingerprint"]))
    table.add_row("[dim]recipe[/dim]", escape(info["recipe"].rstrip()))
    return table

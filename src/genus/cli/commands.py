"""What each command does: call a public function and print."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

import genus
from genus.core.errors import GenusError, InputError

console = Console(soft_wrap=True, highlight=False)


def train(recipe: str, overrides: Sequence[str], data: str | None, out: str | None) -> None:
    """Train with live progress and say what to do next."""
    if "=" in recipe and not recipe.endswith((".yaml", ".yml")):  # genus train train.length=300
        recipe, overrides = "default", (recipe, *overrides)
    bound = genus.show(recipe, overrides, data=data)  # errors before torch loads
    _finish(lambda watch: genus.train(recipe, data=data, out=out, overrides=overrides, callbacks=watch), bound)


def resume(run: str, overrides: Sequence[str]) -> None:
    """Continue a run with live progress."""
    if not (Path(run) / "recipe.yaml").is_file():
        raise InputError(f"{run!r} is not a run; give the folder that `genus train` printed")
    _finish(lambda watch: genus.resume(run, overrides=overrides, callbacks=watch), None)


def train_help(words: Sequence[str]) -> None:
    """Every setting of a recipe with its default."""
    recipe = genus.show(words[0], [w for w in words[1:] if "=" in w])
    console.print(f"usage: genus train {words[0]} [--data NAME|PATH] [--out RUN] [key.path=value …]\n")
    _print_settings(recipe)


def sample(run: str, n: int, label: str | None, seed: int, out: str, checkpoint: str) -> None:
    """Draw samples to a sheet, an array or a folder."""
    import numpy as np

    from genus.report.sheet import write_files, write_sheet

    model = genus.load(run, checkpoint=checkpoint)
    samples = genus.sample(model, n, label=label, seed=seed)
    target = Path(out)
    if target.suffix == ".png":
        columns = model.spec.num_classes if label is None and getattr(model, "conditional", False) else None
        write_sheet(target, samples, model.spec, columns=columns)
    elif target.suffix == ".npy":
        target.parent.mkdir(parents=True, exist_ok=True)
        np.save(target, samples)
    elif target.suffix:
        raise InputError(f"--out {out!r}: write a .png sheet, a .npy array, or name a folder")
    else:
        write_files(target, samples, model.spec)
    console.print(str(target))


def evaluate(run: str, data: str | None, n: int | None, as_json: bool) -> None:
    """Measure and print."""
    evaluation = genus.evaluate(run, data=data, n=n)
    if as_json:
        print(evaluation.to_json())
        return
    from genus.cli.tables import evaluation_table

    console.print(evaluation_table(evaluation))


def compare(runs: Sequence[str], as_json: bool) -> None:
    """Compare and print."""
    if len(runs) < 2:
        raise InputError("compare needs two or more runs")
    rows = genus.compare(runs)
    from genus.cli.tables import rows_json
    from genus.metrics.compare import table_text

    print(rows_json(rows) if as_json else table_text(rows))


def report(run: str) -> None:
    """Write the report and print its path."""
    console.print(str(genus.report(run)))


def list_components(what: str, as_json: bool) -> None:
    """Print names and summaries."""
    found = genus.list_components(what)
    if as_json:
        print(json.dumps(found, indent=1))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, summary in found.items():
        table.add_row(f"[bold]{escape(name)}[/bold]", escape(summary))
    console.print(table)


def show(recipe: str, overrides: Sequence[str]) -> None:
    """Print a recipe: what it is, then every setting."""
    bound = genus.show(recipe, overrides)
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
    _print_settings(bound)


def data_info(path: str, as_json: bool) -> None:
    """Validate data and print what they are."""
    info = genus.data_info(path)
    if as_json:
        print(json.dumps(info, indent=1, default=str))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for key, value in info.items():
        text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
        table.add_row(f"[dim]{escape(key)}[/dim]", escape(text))
    console.print(table)


def _print_settings(recipe: Any) -> None:
    docs = _docs(recipe.config)
    table = Table(box=None, show_header=False, pad_edge=False)
    for path, value in recipe.keys():
        if path.split(".")[0] in ("model", "optimizer", "data", "train"):
            text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
            table.add_row(escape(path), f"[bold]{escape(text)}[/bold]", f"[dim]{escape(docs.get(path, ''))}[/dim]")
    console.print(table)


def _docs(config: Any, path: str = "") -> dict[str, str]:
    """One line per setting, from the components' docstrings."""
    from genus.core.recipe import TrainSettings
    from genus.core.registry import KINDS, component

    found: dict[str, str] = {}
    for name, field in TrainSettings.model_fields.items():
        found[f"train.{name}"] = field.description or ""

    def visit(kind: str, value: Any, where: str) -> None:
        entry = component(kind, value["name"])
        found[f"{where}.name"] = entry.summary
        for parameter in entry.parameters:
            here = f"{where}.{parameter.name}"
            found[here] = parameter.doc
            nested, item = parameter.component_kind, value.get(parameter.name)
            if nested and isinstance(item, list):
                for i, one in enumerate(item):
                    visit(nested, one, f"{here}.{i}")
            elif nested and item:
                visit(nested, item, here)

    del path
    for key in ("model", "optimizer", "data"):
        assert key in KINDS
        visit(key, config[key], key)
    visit("schedule", config["train"]["schedule"], "train.schedule")
    return found


def _finish(work: Any, bound: Any) -> None:
    """Run training with progress; on Ctrl-C say how to go on."""
    first = int(os.environ.get("RANK", "0")) == 0
    if bound is not None and first:
        expected = bound.config["expects"]["cost"]
        console.print(
            f"[bold]{escape(bound.name)}[/bold] {escape(bound.config['summary'])}"
            + (f" [dim](expected: {escape(expected)})[/dim]" if expected else "")
        )
    from genus.cli.progress import make_progress
    from genus.training.engine import Interrupted

    watch = make_progress(console)
    try:
        run = work([watch])
    except Interrupted:
        if first:
            console.print(f"stopped and saved; continue with: genus resume {watch.path}")
        sys.exit(1)
    except GenusError:
        raise
    if first:
        console.print(f"trained: [bold]{escape(str(run.path))}[/bold]")
        console.print(f"next: genus sample {run.path} · genus evaluate {run.path} · genus report {run.path}")

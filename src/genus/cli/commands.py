"""What each command does: call a public function and print."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

import genus
from genus.assembly import DEFAULT_RECIPE, free_folder
from genus.cli.describe import components_table, data_table, experiment_table, settings_table
from genus.core.errors import InputError
from genus.core.recipe import apply_override

_PIPE_WIDTH = 160
"""Columns where nobody says how wide the output is: tables need not wrap in a file."""


def train(recipe: str, overrides: Sequence[str], data: str | None, out: str | None) -> None:
    """Train with live progress and say what to do next."""
    recipe, overrides = _recipe_first(recipe, overrides)
    bound = genus.show(recipe, overrides, data=data)  # errors before torch loads
    _finish(
        lambda watch: genus.train(recipe, data=data, out=out, overrides=overrides, callbacks=watch), bound
    )


def resume(run: str, overrides: Sequence[str]) -> None:
    """Continue a run with live progress."""
    if not (Path(run) / "recipe.yaml").is_file():
        raise InputError(f"{run!r} is not a run; give the folder that `genus train` printed")
    _finish(lambda watch: genus.resume(run, overrides=overrides, callbacks=watch), None)


def train_help(words: Sequence[str], data: str | None) -> None:
    """Every setting of a recipe with its default."""
    name, overrides = _recipe_first(words[0], words[1:])
    recipe = genus.show(name, overrides, data=data)
    usage = f"usage: genus train {name} [--data NAME|PATH] [--out RUN] [key.path=value …]\n"
    _console().print(usage, markup=False)
    _console().print(settings_table(recipe))


def _recipe_first(recipe: str, overrides: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The recipe may be left out: ``genus train train.length=300`` trains the default one."""
    if "=" in recipe and not recipe.endswith((".yaml", ".yml")):
        return DEFAULT_RECIPE, (recipe, *overrides)
    return recipe, overrides


def sample(
    run: str,
    n: int,
    label: str | None,
    seed: int,
    out: str,
    checkpoint: str,
    truncation: float | None = None,
    standing: bool = False,
    condition: str | None = None,
) -> None:
    """Draw samples to a sheet, an array or a folder."""
    import numpy as np

    from genus.reports.sheet import write_files, write_sheet

    target = Path(out)
    if target.suffix not in ("", ".png", ".npy"):  # before the work is done
        raise InputError(f"--out {out!r}: write a .png sheet, a .npy array, or name a folder")
    model = genus.load(run, checkpoint=checkpoint)
    source = run if model.spec.condition is not None else model  # whose data bring what is not given
    samples = genus.sample(
        source,
        n,
        label=label,
        condition=condition,
        seed=seed,
        truncation=truncation,
        standing=standing,
        checkpoint=checkpoint,
    )
    try:
        if target.suffix == ".png":
            in_turn = label is None and getattr(model, "conditional", False)
            columns = model.spec.num_classes or None if in_turn else None
            write_sheet(target, samples, model.spec, columns=columns)
        elif target.suffix == ".npy":
            target.parent.mkdir(parents=True, exist_ok=True)
            np.save(target, samples)
        else:
            write_files(target, samples, model.spec)
    except OSError as error:
        raise InputError(f"--out {out!r}: cannot be written: {error.strerror or error}") from error
    _console().print(str(target), markup=False)


def explore(run: str, kind: str, terms: Sequence[str], *, out: str, **options: Any) -> None:
    """Draw a figure of the latent space and say what is seen."""
    try:
        numbers = [[int(number) for number in term.split(",")] for term in terms]
    except ValueError:
        raise InputError(
            "--a, --b, --c: give numbers of samples separated by commas, such as 3,17,25"
        ) from None
    figure = genus.explore(run, kind, out=out, terms=numbers, **options)
    _console().print(f"{out}: {figure.caption}", markup=False)


def redraw(run: str, image: str | None, size: str | None, *, out: str, **options: Any) -> None:
    """Draw a learned image anew and say where it is."""
    try:
        sides = None if size is None else [int(side) for side in size.lower().split("x")]
    except ValueError:
        raise InputError(f"--size {size}: give height and width in pixels, such as 100x300") from None
    drawn = genus.redraw(run, image, size=sides, out=out, **options)
    height, width = drawn.shape[2:]
    _console().print(f"{out}: {len(drawn)} of {height}×{width} pixels", markup=False)


def truncate(
    run: str,
    at: str | None,
    n: int | None,
    features: str | None,
    standing: bool,
    out: str | None,
    as_json: bool,
) -> None:
    """Measure a curve, print it and where its figure is."""
    try:
        bounds = None if at is None else [float(bound) for bound in at.split(",")]
    except ValueError:
        raise InputError(f"--at {at}: give numbers separated by commas, such as 0.5,1,2") from None
    target = Path(out) if out is not None else free_folder("truncation", "truncate")
    curve = genus.truncation_curve(run, bounds, n=n, features=features, standing=standing, out=target)
    if as_json:
        print(curve.to_json())
        return
    from genus.cli.tables import curve_table

    _console().print(curve_table(curve))
    _console().print(f"figure: {target / curve.name}.png", markup=False)
    _console().print(f"numbers: {target / curve.name}.json", markup=False)


def evaluate(
    run: str,
    data: str | None,
    n: int | None,
    features: str | None,
    truncation: float | None,
    standing: bool,
    as_json: bool,
) -> None:
    """Measure and print."""
    evaluation = genus.evaluate(
        run, data=data, n=n, features=features, truncation=truncation, standing=standing
    )
    if as_json:
        print(evaluation.to_json())
        return
    from genus.cli.tables import evaluation_table

    _console().print(evaluation_table(evaluation))


def compare(runs: Sequence[str], features: str | None, as_json: bool) -> None:
    """Compare and print."""
    if len(runs) < 2:
        raise InputError("compare needs two or more runs")
    rows = genus.compare(runs, features=features)
    from genus.cli.tables import rows_json
    from genus.metrics.compare import table_text

    print(rows_json(rows) if as_json else table_text(rows))


def report(run: str) -> None:
    """Write the report and print its path."""
    _console().print(str(genus.report(run)))


def doctor(run: str, samples: bool, as_json: bool) -> None:
    """Examine a run and say what was found."""
    checkup = genus.doctor(run, samples=samples)
    if as_json:
        print(json.dumps(checkup.to_json(), indent=1))
        return
    from genus.cli.diagnosis import checkup_lines

    for line in checkup_lines(checkup, run):
        _console().print(line)


def rate(run: str, results: Sequence[str], n: int, seed: int, out: str | None, as_json: bool) -> None:
    """Write the rating page, or say how often raters were fooled."""
    if not results:
        page = genus.rating_page(run, n=n, seed=seed, out=out)
        _console().print(f"{page}", markup=False)
        _console().print(
            f"give raters that file, keep key.json; then: genus rate {run} RESULTS.json …", markup=False
        )
        return
    found = genus.rating_results(out or run, results)
    if as_json:
        print(json.dumps(asdict(found), indent=1))
        return
    _console().print(
        f"generated taken for real in {found.fooling_rate:.1%} [{found.low:.1%}, {found.high:.1%}] "
        f"of {found.n} pairs, {found.raters} rater{'s' if found.raters != 1 else ''} ({found.note}); "
        f"50 % when people cannot tell; {found.seconds:.1f} s a pair"
    )


def features(action: str, source: str, overrides: Sequence[str], out: str) -> None:
    """Train or export a feature network and say how to use it."""
    if action == "export":
        if overrides:
            raise InputError(f"{overrides[0]!r}: a run is exported as it was trained; settings are for train")
        found = genus.export_features(source, out)
    else:
        found = _train(
            lambda watch: genus.train_features(source, out=out, overrides=overrides, callbacks=watch),
            genus.show("classifier", overrides, data=source),
        )
    _console().print(
        f"{found.path}: {len(found.classes)} classes of {found.data}, test accuracy {found.accuracy:.2%} "
        f"[{found.low:.2%}, {found.high:.2%}] of {found.test_examples} examples; trained in {found.run}",
        markup=False,
    )
    _console().print(f"next: genus evaluate RUN --features {found.path}", markup=False)


def list_components(what: str, as_json: bool) -> None:
    """Print names and summaries."""
    found = _suites() if what == "suites" else genus.list_components(what)
    if as_json:
        print(json.dumps(found, indent=1))
        return
    _console().print(components_table(found))


def _suites() -> dict[str, str]:
    from genus.bench.suite import load_suite, suite_files

    return {name: load_suite(name)[1].summary for name in suite_files()}


def show(recipe: str, overrides: Sequence[str]) -> None:
    """Print a recipe: what it is, then every setting."""
    bound = genus.show(recipe, overrides)
    config = bound.config
    _console().print(f"[bold]{escape(bound.name)}[/bold]: {escape(config['summary'])}")
    for key in ("paper", "equation", "deviations"):
        if config[key]:
            _console().print(f"[dim]{key}[/dim]  {escape(config[key])}")
    if config["expects"]["cost"]:
        _console().print(f"[dim]expected cost[/dim]  {escape(config['expects']['cost'])}")
    for name, text in config["expects"]["numbers"].items():
        _console().print(f"[dim]expected[/dim]  {escape(name)}: {escape(text)}")
    _console().print()
    _console().print(settings_table(bound))


def data_info(path: str, arguments: Sequence[str], as_json: bool) -> None:
    """Validate data and print what they are."""
    info = genus.data_info(path, options_of(arguments))
    if as_json:
        print(json.dumps(info, indent=1))
        return
    _console().print(data_table(info))


def bench(suite: str, out: str | None, processes: int | None, as_json: bool) -> None:
    """Run a benchmark and print its tables."""
    from genus.bench.show import caption, cells, header, reference_rows

    target = Path(out) if out is not None else Path("bench") / Path(suite).stem

    def tell(result: Any, done: int, total: int) -> None:
        name = f"{result.data} {result.entry} seed {result.seed}"
        _console(stderr=True).print(f"{done}/{total} {name}: {result.error or 'done'}", markup=False)

    try:
        boards = genus.bench(suite, out=target, processes=processes, progress=tell)
    except KeyboardInterrupt:
        print(f"stopped; the same command continues: genus bench {suite} --out {target}", file=sys.stderr)
        raise
    if as_json:
        print(json.dumps([board.to_json() for board in boards], indent=1))
        return
    from genus.cli.tables import text_table

    for board in boards:
        rows = [*(cells(board, line) for line in board.lines), *reference_rows(board)]
        _console().print(text_table(board.data, header(board), rows, caption(board)))
    _console().print(f"leaderboard: {target / 'leaderboard.html'}", markup=False)


def lab(name: str, words: Sequence[str], out: str | None, as_json: bool) -> None:
    """Run an experiment, print its numbers and where its figure is; list all without a name."""
    if not name:
        list_components("lab", as_json)
        return
    options = options_of(words)
    genus.experiment_options(name, options)  # errors before anything heavy loads
    target = Path(out) if out is not None else free_folder(name, "lab")
    findings = genus.experiment(name, out=target, **options)
    if as_json:
        print(findings.to_json())
        return
    from genus.cli.tables import checks_table, numbers_table

    _console().print(numbers_table(findings))
    _console().print()
    _console().print(checks_table(findings))
    _console().print(f"figure: {target / name}.png", markup=False)
    _console().print(f"numbers: {target / name}.json", markup=False)


def lab_help(words: Sequence[str]) -> None:
    """What an experiment shows, and every option with its default."""
    name, options = words[0], options_of(words[1:])
    resolved = genus.experiment_options(name, options)
    usage = f"usage: genus lab {name} [key=value …] [--out DIR] [--json]\n"
    _console().print(usage, markup=False)
    _console().print(experiment_table(name, resolved))


def zoo(words: Sequence[str], as_json: bool) -> None:
    """Print named GANs and how many of them genus builds."""
    from genus.cli.zoo_tables import zoo_json, zoo_table
    from genus.named_gans.zoo import count

    found = genus.zoo(" ".join(words))
    if as_json:
        print(zoo_json(found))
        return
    _console().print(zoo_table(found))
    _console().print(f"\n{count(found)}", markup=False)


def options_of(words: Sequence[str]) -> dict[str, Any]:
    """From ``key=value`` texts to a mapping."""
    options: dict[str, Any] = {}
    for text in words:
        apply_override(options, text)
    return options


def _finish(work: Any, bound: Any) -> None:
    """Train with progress and say what to do next."""
    run = _train(work, bound)
    if int(os.environ.get("RANK", "0")) == 0:
        _console().print(f"trained: [bold]{escape(str(run.path))}[/bold]")
        _console().print(
            f"next: genus sample {run.path} · genus evaluate {run.path} · genus report {run.path}"
        )


def _train(work: Any, bound: Any) -> Any:
    """Run training with progress and return what it gives; on Ctrl-C say how to go on."""
    first = int(os.environ.get("RANK", "0")) == 0
    if bound is not None and first:
        expected = bound.config["expects"]["cost"]
        _console().print(
            f"[bold]{escape(bound.name)}[/bold] {escape(bound.config['summary'])}"
            + (f" [dim](expected: {escape(expected)})[/dim]" if expected else "")
        )
    from genus.cli.progress import make_progress
    from genus.training.engine import Interrupted

    watch = make_progress(_console())
    try:
        return work([watch])
    except Interrupted:
        if first:
            _console().print(f"stopped and saved; continue with: genus resume {watch.path}")
        sys.exit(1)


def _console(*, stderr: bool = False) -> Console:
    """Console of the moment: made for each command, because terminals change their width."""
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(soft_wrap=True, highlight=False, width=None if known else _PIPE_WIDTH, stderr=stderr)

"""The command line: parses, calls the public functions, prints.

Nothing heavy is imported before a command runs, so that help is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import islice, pairwise
from typing import Annotated, Literal

import tyro

VERBS = (
    "train",
    "resume",
    "sample",
    "explore",
    "redraw",
    "truncate",
    "evaluate",
    "compare",
    "report",
    "doctor",
    "rate",
    "features",
    "list",
    "show",
    "data",
    "bench",
    "lab",
    "zoo",
)
"""The commands, in the order of a story."""

Overrides = tyro.conf.Positional[tuple[str, ...]]
app = tyro.extras.SubcommandApp()


@app.command
def train(
    recipe: tyro.conf.Positional[str] = "default",
    overrides: Overrides = (),
    /,
    *,
    data: str | None = None,
    out: str | None = None,
) -> None:
    """Train a recipe; `genus train RECIPE --help` shows every setting with its default.

    Args:
        recipe: name of a recipe (genus list recipes) or path of a YAML file.
        overrides: settings to change, key.path=value.
        data: name of a data set, or path of images, arrays or a table.
        out: new folder for the run; runs/RECIPE-N by default.
    """
    from genus.cli import commands

    commands.train(recipe, overrides, data, out)


@app.command
def resume(run: tyro.conf.Positional[str], overrides: Overrides = ()) -> None:
    """Continue an interrupted run, or lengthen a finished one with train.length=….

    Args:
        run: folder of the run.
        overrides: train.* and optimizer.* settings to change, key.path=value.
    """
    from genus.cli import commands

    commands.resume(run, overrides)


@app.command
def sample(
    run: tyro.conf.Positional[str],
    *,
    n: Annotated[int, tyro.conf.arg(aliases=["-n"])] = 64,
    label: str | None = None,
    given: str | None = None,
    seed: int = 0,
    truncation: float | None = None,
    out: str = "samples.png",
    checkpoint: Literal["auto", "latest", "best"] = "auto",
) -> None:
    """Draw samples from a run.

    Args:
        run: folder of the run.
        n: how many.
        label: class all samples shall have; all classes in turn without it.
        given: condition all samples shall have, for models that are told one: attributes as NAME=NUMBER,…,
            a text, or the path of an image; conditions of test examples in turn without it.
        seed: sample i depends on the seed and i alone.
        truncation: quality for diversity, for models with a latent: its numbers are drawn between -t and t;
            with styles, from 0 (all the mean style) to 1 (none).
        out: a .png sheet, a .npy array, or a folder that gets one file per sample.
        checkpoint: auto is the best one where early stopping was on, else the latest.
    """
    from genus.cli import commands

    commands.sample(run, n, label, seed, out, checkpoint, truncation, given)


@app.command
def explore(
    run: tyro.conf.Positional[str],
    *,
    kind: Literal["interpolation", "arithmetic", "truncation", "mixing", "attention"] = "interpolation",
    rows: int = 6,
    columns: int = 8,
    seed: int = 0,
    label: str | None = None,
    given: str | None = None,
    linear: bool = False,
    a: str = "0,1,2",
    b: str = "3,4,5",
    c: str = "6,7,8",
    out: str = "explored.png",
    checkpoint: Literal["auto", "latest", "best"] = "auto",
) -> None:
    """Draw what a run's latent space holds: ways, sums, truncation, mixed styles, attention.

    Args:
        run: folder of the run.
        kind: of figure.
        rows: of the figure.
        columns: of the figure.
        seed: sample i of genus sample with the same seed has the same latent.
        label: class of all samples; all classes in turn, one per row, without it.
        given: condition of all samples, as for genus sample.
        linear: interpolate on straight lines in place of great circles.
        a: numbers of the samples whose mean latent is A in A - B + C.
        b: the same for B.
        c: the same for C.
        out: a .png file.
        checkpoint: auto is the best one where early stopping was on, else the latest.
    """
    from genus.cli import commands

    commands.explore(
        run,
        kind,
        (a, b, c),
        rows=rows,
        columns=columns,
        seed=seed,
        label=label,
        given=given,
        linear=linear,
        out=out,
        checkpoint=checkpoint,
    )


@app.command
def redraw(
    run: tyro.conf.Positional[str],
    image: tyro.conf.Positional[str | None] = None,
    *,
    n: Annotated[int, tyro.conf.arg(aliases=["-n"])] = 6,
    size: str | None = None,
    start: int | None = None,
    mask: str | None = None,
    enlarge: float | None = None,
    seed: int = 0,
    out: str = "redrawn.png",
    checkpoint: Literal["auto", "latest", "best"] = "auto",
) -> None:
    """Draw the one image a run learned from anew: at other sizes, from another image, or larger.

    Args:
        run: folder of the run, such as of the recipe singan.
        image: image file to begin with in place of noise; its coarse structure is kept.
        n: how many.
        size: height and width in pixels, such as 100x300; those of the learned image without it.
        start: with an image, the scale that sees it first: from 1 (much changes) to the last; the middle
            without it.
        mask: with an image, an image file that is bright where it may change.
        enlarge: draw the image, or the learned one, so many times as large.
        seed: result i depends on it and on i alone.
        out: a .png file.
        checkpoint: auto is the best one where early stopping was on, else the latest.
    """
    from genus.cli import commands

    commands.redraw(
        run,
        image,
        size,
        out=out,
        n=n,
        start=start,
        mask=mask,
        enlarge=enlarge,
        seed=seed,
        checkpoint=checkpoint,
    )


@app.command
def truncate(
    run: tyro.conf.Positional[str],
    *,
    at: str | None = None,
    n: Annotated[int | None, tyro.conf.arg(aliases=["-n"])] = None,
    features: str | None = None,
    out: str | None = None,
    json: bool = False,
) -> None:
    """Measure quality against diversity as a run's latent is truncated, as a curve.

    Args:
        run: folder of a run whose model has a latent, such as a GAN.
        at: truncations, separated by commas, as for genus sample --truncation; 0.1 to 3 by default, or
            with styles 0 to 1.
        n: samples at each; as many as there are training examples, at most 5000, by default.
        features: what distances are measured in, as for genus evaluate.
        out: new folder for the figure and the numbers; truncate/truncation-N by default.
        json: print JSON instead of a table.
    """
    from genus.cli import commands

    commands.truncate(run, at, n, features, out, json)


@app.command
def evaluate(
    run: tyro.conf.Positional[str],
    *,
    data: str | None = None,
    n: Annotated[int | None, tyro.conf.arg(aliases=["-n"])] = None,
    features: str | None = None,
    truncation: float | None = None,
    json: bool = False,
) -> None:
    """Measure a run by the protocol; keeps the result in the run's folder.

    Args:
        run: folder of the run.
        data: other reference data than the run's own.
        n: samples to draw; as many as there are training examples, at most 5000, by default.
        features: what distances are measured in, in place of the data's default: a name (genus list
            features) or a file of genus features train; the result is then not kept.
        truncation: of the samples, as for genus sample; genus truncate measures a whole curve.
        json: print JSON instead of a table.
    """
    from genus.cli import commands

    commands.evaluate(run, data, n, features, truncation, json)


@app.command
def compare(
    runs: tyro.conf.Positional[tuple[str, ...]], *, features: str | None = None, json: bool = False
) -> None:
    """Put runs side by side; measures those that have not been measured.

    Args:
        runs: folders of two or more runs.
        features: as for genus evaluate; all runs are then measured anew.
        json: print JSON instead of a table.
    """
    from genus.cli import commands

    commands.compare(runs, features, json)


@app.command
def report(run: tyro.conf.Positional[str]) -> None:
    """Write report.html of a run: one file, no outside requests.

    Args:
        run: folder of the run.
    """
    from genus.cli import commands

    commands.report(run)


@app.command
def doctor(run: tyro.conf.Positional[str], *, samples: bool = True, json: bool = False) -> None:
    """Say what is wrong with a run, on what evidence, and which change of recipe helps.

    Args:
        run: folder of the run; it may be running, finished or crashed.
        samples: draw some from the last checkpoint when none were looked at during training.
        json: print JSON instead of sentences.
    """
    from genus.cli import commands

    commands.doctor(run, samples, json)


@app.command
def rate(
    run: tyro.conf.Positional[str],
    results: tyro.conf.Positional[tuple[str, ...]] = (),
    *,
    n: Annotated[int, tyro.conf.arg(aliases=["-n"])] = 50,
    seed: int = 0,
    out: str | None = None,
    json: bool = False,
) -> None:
    """Write a page for blind human rating, or read the results that raters sent back.

    Args:
        run: folder of the run.
        results: files saved by the page, one per rater; without any, the page is written.
        n: pairs of one real and one generated image.
        seed: of samples and sides.
        out: folder of the page; rating in the run by default.
        json: print JSON instead of a sentence.
    """
    from genus.cli import commands

    commands.rate(run, results, n, seed, out, json)


@app.command
def features(
    action: tyro.conf.Positional[Literal["train", "export"]],
    source: tyro.conf.Positional[str],
    overrides: Overrides = (),
    *,
    out: str = "features.safetensors",
) -> None:
    """Train a network on your labelled data to measure generative models in its features.

    Args:
        action: train a classifier on data, or export one that was trained before.
        source: data set or path to train on; for export, the folder of the run.
        overrides: settings of the recipe classifier, key.path=value.
        out: file to write; then genus evaluate RUN --features FILE.
    """
    from genus.cli import commands

    commands.features(action, source, overrides, out)


@app.command(name="list")
def list_(what: tyro.conf.Positional[str] = "recipes", *, json: bool = False) -> None:
    """List recipes, models, objectives, penalties, networks, metrics, data, …

    Args:
        what: recipes, models, networks, objectives, penalties, regularisers, conditioning,
            augmentations, strengths, paces, optimizers, schedules, metrics, features, data, lab or suites.
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
    processes: int = 1,
    json: bool = False,
) -> None:
    """Rank recipes over data sets and seeds at equal cost; the same command again continues.

    Args:
        suite: name of a suite (genus list suites) or path of a YAML file.
        out: folder of the trainings and the leaderboard; bench/SUITE by default.
        processes: trainings at a time.
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong input."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        from genus import __version__

        print(__version__)
        return
    try:
        _check_verb(words)
        verb, (options, positional) = words[:1], _split(words[1:])
        if verb == ["train"] and positional and {"-h", "--help"} & set(options):
            from genus.cli import commands

            data = dict(pairwise(options)).get("--data")
            commands.train_help(positional, data)
            return
        if verb == ["lab"] and positional and {"-h", "--help"} & set(options):
            from genus.cli import commands

            commands.lab_help(positional)
            return
        app.cli(prog="genus", args=[*verb, *options, *positional], description=_ABOUT)
    except KeyboardInterrupt:
        sys.exit(1)
    except Exception as error:
        from genus.core.errors import GenusError

        if not isinstance(error, GenusError):
            raise
        print(f"genus: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _check_verb(words: Sequence[str]) -> None:
    """Refuse an unknown verb with the nearest one."""
    if words and not words[0].startswith("-") and words[0] not in VERBS:
        from genus.core.errors import InputError, nearest

        raise InputError(f"there is no command {words[0]!r}{nearest(words[0], VERBS)}")


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Options with their values, and the other words: options may stand anywhere among them."""
    options: list[str] = []
    positional: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            positional.append(word)
        elif name in _TAKE_VALUES:
            options += [name, value] if equals else [name, *islice(rest, 1)]
        else:
            options.append(word)
    return options, positional


_TAKE_VALUES = (
    "--data",
    "--out",
    "--features",
    "-n",
    "--n",
    "--processes",
    "--label",
    "--given",
    "--seed",
    "--truncation",
    "--at",
    "--checkpoint",
    "--kind",
    "--size",
    "--start",
    "--mask",
    "--enlarge",
    "--rows",
    "--columns",
    "--a",
    "--b",
    "--c",
)
_ABOUT = "Train, sample and honestly measure deep generative models."

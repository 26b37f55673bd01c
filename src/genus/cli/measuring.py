"""Commands that measure runs: their words, options and help."""

from __future__ import annotations

from typing import Annotated, Literal

import tyro

from genus.cli.app import Overrides, app


@app.command
def evaluate(
    run: tyro.conf.Positional[str],
    *,
    data: str | None = None,
    n: Annotated[int | None, tyro.conf.arg(aliases=["-n"])] = None,
    features: str | None = None,
    truncation: float | None = None,
    standing: bool = False,
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
        standing: beside a truncation, as for genus sample.
        json: print JSON instead of a table.
    """
    from genus.cli import commands

    commands.evaluate(run, data, n, features, truncation, standing, json)


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

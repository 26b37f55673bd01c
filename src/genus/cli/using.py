"""Commands that make runs and draw from them: their words, options and help."""

from __future__ import annotations

from typing import Annotated, Literal

import tyro

from genus.cli.app import Overrides, app


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
    condition: str | None = None,
    seed: int = 0,
    truncation: float | None = None,
    standing: bool = False,
    out: str = "samples.png",
    checkpoint: Literal["auto", "latest", "best"] = "auto",
) -> None:
    """Draw samples from a run.

    Args:
        run: folder of the run.
        n: how many.
        label: class all samples shall have; all classes in turn without it.
        condition: condition of all samples, for models that are told one: attributes as NAME=NUMBER,…,
            a text, or the path of an image; conditions of test examples in turn without it. For models with
            codes: NAME=NUMBER,…, such as category=3,code1=-1; drawn at random without it.
        seed: sample i depends on the seed and i alone.
        truncation: quality for diversity, for models with a latent: its numbers are drawn between -t and t;
            with styles, from 0 (all the mean style) to 1 (none).
        standing: beside a truncation, give batch norms the statistics of truncated latents, in place of
            those of training.
        out: a .png sheet, a .npy array, or a folder that gets one file per sample.
        checkpoint: auto is the best one where early stopping was on, else the latest.
    """
    from genus.cli import commands

    commands.sample(run, n, label, seed, out, checkpoint, truncation, standing, condition)


@app.command
def explore(
    run: tyro.conf.Positional[str],
    *,
    kind: Literal[
        "interpolation", "arithmetic", "truncation", "mixing", "attention", "traversal"
    ] = "interpolation",
    rows: int = 6,
    columns: int = 8,
    seed: int = 0,
    label: str | None = None,
    condition: str | None = None,
    linear: bool = False,
    code: str | None = None,
    a: str = "0,1,2",
    b: str = "3,4,5",
    c: str = "6,7,8",
    out: str = "explored.png",
    checkpoint: Literal["auto", "latest", "best"] = "auto",
) -> None:
    """Draw what a run's latent space holds: ways, sums, truncation, mixed styles, attention, codes.

    Args:
        run: folder of the run.
        kind: of figure.
        rows: of the figure.
        columns: of the figure.
        seed: sample i of genus sample with the same seed has the same latent.
        label: class of all samples; all classes in turn, one per row, without it.
        condition: condition of all samples, as for genus sample.
        linear: interpolate on straight lines in place of great circles.
        code: name of the code that a traversal's columns go through; the first continuous one without it.
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
        condition=condition,
        linear=linear,
        code=code,
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
    standing: bool = False,
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
        standing: as for genus sample.
        out: new folder for the figure and the numbers; truncate/truncation-N by default.
        json: print JSON instead of a table.
    """
    from genus.cli import commands

    commands.truncate(run, at, n, features, standing, out, json)

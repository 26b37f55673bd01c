"""``genus sample``: samples of a run."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from genus.core.command import PYTHON_ONLY, Argument, Checkpoint, RunFolder, command
from genus.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from genus.core.batch import Condition
    from genus.core.drawing import Drawing
    from genus.core.model import Model
    from genus.core.spec import DataSpec
    from genus.sampling.parse_condition import ConditionWords

ConditionOption = Argument(metavar="NAME=NUMBER,…|TEXT|IMAGE", aliases=("--given",))
"""How a condition is written; ``--given`` is its older name."""

SamplerOption = Annotated[str, Argument(metavar="NAME|{name: …}")]
"""A sampler in place of the recipe's."""


def _write_samples(
    call: partial[NDArray[Any]], *, out: Annotated[str, Argument(metavar="FILE|FOLDER")] = "samples.png"
) -> None:
    """Draw samples to a sheet, an array or a folder.

    Args:
        out: a .png sheet, a .npy array, or a folder that gets one file per sample.
    """
    from genus.cli.console import say
    from genus.saved_runs import load

    target, options = Path(out), call.keywords
    if target.suffix not in ("", ".png", ".npy"):  # before the work is done
        raise InputError(f"--out {out!r}: write a .png sheet, a .npy array, or name a folder")
    model = load(options["run"], checkpoint=options["checkpoint"])
    # data of the run bring the conditions that are not given
    samples = call() if model.spec.condition is not None else call(run=model)
    in_turn = options["label"] is None and getattr(model, "conditional", False)
    try:
        _write(target, samples, model.spec, columns=model.spec.num_classes or None if in_turn else None)
    except OSError as error:
        raise InputError(f"--out {out!r}: cannot be written: {error.strerror or error}") from error
    say(str(target))


def _write(target: Path, samples: NDArray[Any], spec: DataSpec, *, columns: int | None) -> None:
    import numpy as np

    from genus.core.file_units import from_file
    from genus.reports.sheet import write_files, write_sheet

    if target.suffix != ".npy":
        samples = from_file(samples, spec.example)
    if target.suffix == ".png":
        write_sheet(target, samples, spec, columns=columns)
    elif target.suffix == ".npy":
        target.parent.mkdir(parents=True, exist_ok=True)
        np.save(target, samples)
    else:
        write_files(target, samples, spec)


@command("sample", show=_write_samples)
def sample(
    run: RunFolder | Model,
    n: Annotated[int, Argument(positional=False)] = 64,
    *,
    label: Annotated[int | str | None, Argument(metavar="CLASS")] = None,
    condition: Annotated[ConditionWords | None, ConditionOption] = None,
    seed: int = 0,
    truncation: float | None = None,
    standing: bool = False,
    means: bool = False,
    sampler: SamplerOption = "",
    steps: int | None = None,
    guidance: float | None = None,
    batch: Annotated[int, PYTHON_ONLY] = 250,
    checkpoint: Checkpoint = "auto",
) -> NDArray[Any]:
    """Draw samples from a run; sample i depends on the seed and i alone.

    Args:
        run: folder of the run; in Python the run itself or a model, too.
        n: how many, at least 1.
        label: class, by name or number, of all samples; all classes in turn without it.
        condition: condition of all samples, for conditional models: a class, columns of a table as
            NAME=NUMBER,… (others are those of test examples), a text, or the path of an image; several parts
            as PART:WORDS;PART:WORDS. Conditions of test examples in turn without it. For models with codes:
            NAME=NUMBER,…, such as category=3,code1=-1; others are drawn at random. In Python columns and
            codes may be a mapping.
        seed: of the noise.
        truncation: quality for diversity, for models with a latent: its numbers are drawn between −t and t;
            with styles, the share of the way from the mean style, 0 to 1.
        standing: beside a truncation, give batch norms the statistics of truncated latents.
        means: the mean of p(x | latent) in place of a draw, in models that have one (VAEs, mixtures).
        sampler: of diffusion models: a name (genus list samplers), or with arguments "{name: ddim, eta: 1}".
        steps: that it takes.
        guidance: its scale, of models that were trained to be guided.
        batch: drawn together; only speed and memory depend on it.
        checkpoint: auto is the best one where early stopping was on, else the latest.

    Returns:
        ``(n, *spec.shape)`` in the numbers of the data's files, float32; float64 for columns with an offset.

    Raises:
        CapabilityError: when the model cannot sample, or lacks what an option speaks of.
        InputError: for what does not fit or is out of range, or ``standing`` without a truncation.
    """
    from genus.core.drawing import Drawing
    from genus.core.file_units import to_file
    from genus.core.model import Model
    from genus.sampling.conditions import requested_condition
    from genus.saved_runs import load, opened_data

    if n < 1:
        raise InputError(f"-n {n}: ask for at least one sample")
    drawing = Drawing(
        truncation=truncation, standing=standing, means=means, sampler=sampler, steps=steps, guidance=guidance
    )
    model = run if isinstance(run, Model) else load(run, checkpoint=checkpoint)
    asked = requested_condition(model, n, label, condition, lambda: opened_data(run))
    return to_file(_drawn(run, model, n, asked, drawing, seed, batch), model.spec.example)


def _drawn(
    run: RunFolder | Model,
    model: Model,
    n: int,
    condition: Condition | None,
    drawing: Drawing,
    seed: int,
    batch: int,
) -> NDArray[Any]:
    """Samples in data units; what standing statistics are typical of is read from the run's data."""
    from genus.core.model import Model
    from genus.sampling.conditions import typical_conditions
    from genus.sampling.draw import draw
    from genus.saved_runs import opened_data

    collects = drawing.standing and not isinstance(run, Model)
    typical = typical_conditions(model, lambda: opened_data(run)) if collects else None
    return draw(
        model, n, condition=condition, seed=seed, batch=batch, drawing=drawing, typical=typical
    ).numpy()

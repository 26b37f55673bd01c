"""``genus redraw``: what a model of one image makes of it at other sizes, from other images, or larger."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from genus.core.command import Argument, Checkpoint, RunFolder, command
from genus.core.errors import CapabilityError, InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from genus.core.model import Model
    from genus.core.spec import DataSpec

_LARGEST = 1 << 24
"""Elements of one drawn image, at most."""
_MOST_TIMES = 16
"""Largest factor by which an image is enlarged."""


def _say_where(call: partial[NDArray[Any]]) -> None:
    """Draw a learned image anew and say where it is."""
    from genus.cli.console import say

    drawn = call()
    height, width = drawn.shape[2:]
    say(f"{call.keywords['out']}: {len(drawn)} of {height}×{width} pixels")


def _sides(text: str) -> list[int]:
    """``"100x300"`` as height and width."""
    try:
        return [int(side) for side in text.lower().split("x")]
    except ValueError:
        raise ValueError("give height and width in pixels, such as 100x300") from None


_Image = Annotated[str | PathLike[str] | None, Argument(metavar="IMAGE")]


@command("redraw", show=_say_where)
def redraw(
    run: RunFolder | Model,
    image: _Image = None,
    *,
    n: int = 6,
    size: Annotated[Sequence[int] | None, Argument(metavar="HEIGHTxWIDTH", parse=_sides)] = None,
    start: int | None = None,
    mask: _Image = None,
    enlarge: float | None = None,
    seed: int = 0,
    out: Annotated[str | PathLike[str] | None, Argument(metavar="FILE.png", default="redrawn.png")] = None,
    checkpoint: Checkpoint = "auto",
) -> NDArray[Any]:
    """Draw the one image a run learned from anew: at other sizes, from another image, or larger.

    From noise alone, at any size; from another image, whose coarse structure is kept and whose detail
    becomes that of the learned one (a pasted object blends in, a sketch becomes a photograph); or larger
    than it was (super-resolution).

    Args:
        run: folder of a run that learned from one image, such as of the recipe singan; in Python the run
            itself or a model, too.
        image: image file to begin with in place of noise; it is stretched to the size that is drawn.
        n: how many.
        size: height and width in pixels; those of the learned image without it.
        start: with an image, the scale that sees it first: from 1 (much changes) to the last; the middle
            without it.
        mask: with an image, an image file that is bright where it may change.
        enlarge: draw the image, or the learned one, so many times as large, above 1 and at most 16.
        seed: result i depends on it and on i alone.
        out: a .png file for all of them, as a sheet; in Python nothing is written without it.
        checkpoint: auto is the best one where early stopping was on, else the latest.

    Returns:
        float32 ``(n, channels, height, width)`` in data units.

    Raises:
        CapabilityError: when the model did not learn from one image.
        InputError: for options that do not go together, numbers out of range, or a file that cannot be
            read or written.
    """
    from genus.core.model import Model
    from genus.saved_runs import load

    _refuse_contradictions(n, image, size, start, mask, enlarge, out)
    model = run if isinstance(run, Model) else load(run, checkpoint=checkpoint)
    result = _drawn(
        run, model, image=image, n=n, size=size, start=start, mask=mask, enlarge=enlarge, seed=seed
    )
    if out is not None:
        _write(Path(out), result.numpy(), model.spec)
    return result.numpy()


def _drawn(
    run: RunFolder | Model,
    model: Model,
    *,
    image: str | PathLike[str] | None,
    n: int,
    size: Sequence[int] | None,
    start: int | None,
    mask: str | PathLike[str] | None,
    enlarge: float | None,
    seed: int,
) -> Tensor:
    """Results ``(n, channels, height, width)`` of a model that can give them."""
    import torch

    from genus.core.capabilities import Redraws
    from genus.core.noise import Noise
    from genus.sampling.draw import device_of, evaluating
    from genus.saved_runs import opened_data

    if not isinstance(model, Redraws) or model.spec.kind != "image":
        raise CapabilityError(
            f"{type(model).__name__} of {model.spec.describe()} cannot redraw: that needs a model which "
            "learned from one image, as the recipe singan makes"
        )
    spec, device, last = model.spec, device_of(model), model.num_scales - 1
    if start is not None and not 1 <= start <= last:
        raise InputError(f"--start {start}: this model can begin at the scales 1 to {last}")
    sides = spec.shape[1:] if size is None else tuple(size)
    if enlarge is not None and image is None:
        given = opened_data(run).train.batch(_first()).x
    else:
        given = None if image is None else _read(Path(image), spec, None if enlarge else sides)
    if given is not None:
        given = given.to(device)
        sides = given.shape[2:]
    _refuse_huge(spec.shape[0], [side * (enlarge or 1) for side in sides])
    drawn: list[Tensor] = []
    with evaluating(model):
        for number in range(n):
            noise = Noise(seed, start=number, block=1, device=device)
            if enlarge is not None and given is not None:
                drawn.append(model.enlarge(given, enlarge, noise=noise))
            else:
                begin = start or max(1, last // 2)
                drawn.append(model.redraw(1, size=tuple(sides), image=given, start=begin, noise=noise))
    result = torch.cat(drawn).float().cpu()
    if mask is not None and given is not None:
        share = _read(Path(mask), spec, tuple(sides)).mean(1, keepdim=True)
        result = share * result + (1 - share) * given.cpu()
    return result


def _refuse_contradictions(
    n: int,
    image: object,
    size: Sequence[int] | None,
    start: int | None,
    mask: object,
    enlarge: float | None,
    out: str | PathLike[str] | None,
) -> None:
    """Refuse what needs no model to be known wrong."""
    if n < 1:
        raise InputError(f"-n {n}: ask for at least one image")
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise InputError(f"--size {size!r}: give height and width in pixels, such as 100x300")
    if image is None and (start is not None or mask is not None):
        raise InputError("--start and --mask say what becomes of an image: name its file, too")
    if enlarge is not None and not 1 < enlarge <= _MOST_TIMES:
        raise InputError(f"--enlarge {enlarge:g}: give a factor above 1 and at most {_MOST_TIMES}")
    if enlarge is not None and (size, start, mask) != (None, None, None):
        raise InputError("--enlarge takes an image as it is: leave --size, --start and --mask out")
    if out is not None and Path(out).suffix != ".png":
        raise InputError(f"--out {str(out)!r}: images are written to a .png file")


def _refuse_huge(channels: int, sides: Sequence[float]) -> None:
    elements = channels * sides[0] * sides[1]
    if elements > _LARGEST:
        raise InputError(
            f"{sides[0]:.0f}×{sides[1]:.0f} with {channels} channels has {elements / 1e6:.0f} million "
            f"elements; at most {_LARGEST / 1e6:.0f} are drawn. Ask for less"
        )


def _first() -> NDArray[Any]:
    import numpy as np

    return np.zeros(1, dtype=np.int64)


def _read(path: Path, spec: DataSpec, sides: tuple[int, ...] | None) -> Tensor:
    """An image file as an example of the data ``(1, channels, *sides)``, in data units."""
    from genus.data.image_file import read_image_as

    return read_image_as(path, spec.example, sides=sides or (0, 0), resize="stretch", alpha="drop")


def _write(path: Path, images: NDArray[Any], spec: DataSpec) -> None:
    from genus.reports.sheet import write_sheet

    try:
        write_sheet(path, images, spec)
    except OSError as error:
        raise InputError(f"--out {str(path)!r}: cannot be written: {error.strerror or error}") from error

"""Sample sheets: what samples look like, as one picture."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genus.core.file_units import file_levels, to_file
from genus.core.spec import DataSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]
_DARK = 1 / 8
"""Share of the range below which shades are not seen."""


def sheet(
    samples: Array, spec: DataSpec, *, columns: int | None = None, reference: Array | None = None
) -> bytes:
    """Draw samples as PNG: a grid of images, middle slices of volumes, curves of sequences, or
    a scatter of vectors.

    Images have the shades of the files, unless their window ends below an eighth of the range, where an eye
    sees nothing: then it fills the range.

    Args:
        samples: ``(n, *spec.shape)`` in data units.
        spec: what one sample is.
        columns: images or sequences per row; about square by default.
        reference: real vectors drawn behind generated ones.

    Returns:
        PNG bytes.
    """
    if spec.kind == "image":
        return _png(image_grid(_pixels(samples, spec), columns))
    if spec.kind == "volume":
        middle = samples[:, :, samples.shape[2] // 2]
        return _png(image_grid(_pixels(middle, spec), columns))
    if spec.kind == "sequence":
        return _curves(samples, spec, columns)
    return _scatter(samples.reshape(len(samples), -1), reference)


def write_sheet(path: Path, samples: Array, spec: DataSpec, **options: object) -> None:
    """Write :func:`sheet` to a file, whose folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(sheet(samples, spec, **options))  # type: ignore[arg-type]


def write_files(folder: Path, samples: Array, spec: DataSpec) -> None:
    """Write one file per sample in the numbers of the data's files.

    PNG for images of 1 or 3 channels, of 16 bits where grey files with a window have these; else ``.npy``.

    Args:
        folder: made when missing.
        samples: ``(n, *spec.shape)`` in data units.
        spec: what one sample is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    picture = spec.kind == "image" and spec.shape[0] in (1, 3)
    window = spec.example.window
    samples = to_file(samples, spec.example)
    picture = picture and (window is None or window[1] <= 1)
    deep = window is not None and file_levels(spec.example) > 256 and spec.shape[0] == 1
    images = _coded(samples, spec.range, 16 if deep else 8) if picture else samples
    for i, image in enumerate(images):
        if picture:
            (folder / f"{i:05d}.png").write_bytes(_png(np.asarray(image)))
        else:
            np.save(folder / f"{i:05d}.npy", image)


def _pixels(samples: Array, spec: DataSpec) -> NDArray[Any]:
    """8-bit images ``(n, height, width, 1 or 3)`` to look at."""
    window = spec.example.window
    if window is not None and _DARK <= window[1] <= 1:
        samples = to_file(samples, spec.example)
    return _coded(samples, spec.range, 8)


def _coded(samples: Array, limits: tuple[float, float] | None, bits: int) -> NDArray[Any]:
    """Images as whole numbers ``(n, height, width, 1 or 3)``."""
    low, high = limits or (float(samples.min()), float(samples.max()))
    scaled = np.clip((samples - low) / max(high - low, 1e-12), 0, 1)
    if scaled.shape[1] == 2 or scaled.shape[1] > 3:  # no picture has such channels: show the first
        scaled = scaled[:, : 3 if scaled.shape[1] > 3 else 1]
    most = (1 << bits) - 1
    return np.rint(scaled.transpose(0, 2, 3, 1) * most).astype(np.uint8 if bits == 8 else np.uint16)


def image_grid(images: NDArray[np.uint8], columns: int | None = None, gap: int = 2) -> NDArray[np.uint8]:
    """Tile images ``(n, height, width, channels)`` with thin gaps, enlarged to be seen.

    >>> image_grid(np.zeros((4, 64, 64, 1), np.uint8), gap=0).shape
    (256, 256, 1)
    """
    n, height, width, channels = images.shape
    columns = min(columns or math.ceil(math.sqrt(n)), n)
    rows = math.ceil(n / columns)
    scale = max(1, min(4, 900 // (columns * width), math.ceil(96 / max(height, width))))
    images = images.repeat(scale, 1).repeat(scale, 2)
    height, width = height * scale, width * scale
    canvas = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), 40, np.uint8)
    for i, image in enumerate(images):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        canvas[top : top + height, left : left + width] = image
    return canvas


def _png(image: NDArray[Any]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image).save(file, "PNG")
    return file.getvalue()


def _curves(samples: Array, spec: DataSpec, columns: int | None) -> bytes:
    """One cell per sequence, one colour per channel, all on one scale."""
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    finite = samples[np.isfinite(samples)]
    low, high = spec.range or ((float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0))
    n, channels, length = samples.shape
    columns = min(columns or math.ceil(math.sqrt(n)), n)
    rows = math.ceil(n / columns)
    number = np.arange(n)
    across = (number % columns)[:, None] + np.linspace(0.05, 0.95, length)
    down = (number // columns)[:, None] + 0.95 - 0.9 * (samples.swapaxes(0, 1) - low) / max(high - low, 1e-12)
    figure = Figure(figsize=(1.2 * columns, 0.8 * rows), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    for channel in range(channels):
        curves = np.stack([across, down[channel]], axis=-1)
        axes.add_collection(LineCollection(list(curves), colors=f"C{channel % 10}", linewidths=0.8))
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)
    axes.set_xticks(range(columns + 1), [])
    axes.set_yticks(range(rows + 1), [])
    axes.grid(color="0.85", linewidth=0.5)
    axes.tick_params(length=0)
    return _drawn(figure)


def _scatter(samples: Array, reference: Array | None) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    second = 1 if samples.shape[1] > 1 else 0
    flat = None if reference is None else reference.reshape(len(reference), -1)
    if flat is not None:
        axes.scatter(flat[:, 0], flat[:, second], s=3, c="0.75", linewidths=0, label="data")
    axes.scatter(samples[:, 0], samples[:, second], s=4, c="C0", linewidths=0, alpha=0.6, label="samples")
    axes.legend(loc="upper right", frameon=False)
    axes.set_xlabel("first coordinate")
    axes.set_ylabel("second coordinate")
    if flat is not None:
        for setter, values in ((axes.set_xlim, flat[:, 0]), (axes.set_ylim, flat[:, second])):
            margin = 0.25 * float(np.ptp(values)) + 1e-3
            setter(float(values.min()) - margin, float(values.max()) + margin)
    return _drawn(figure)


def _drawn(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()

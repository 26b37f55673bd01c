"""Grey values to describe: a real magnetic-resonance slice that comes with matplotlib, or your file."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
from matplotlib import cbook
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from genus.core.errors import DataError

Array = NDArray[np.float64]

BRAIN = "s1045.ima.gz"
"""Sample file of matplotlib: a sagittal slice of a head, 256×256, 16 bits, without a header."""


def brain_slice() -> Array:
    """A real MR slice of a head, ``(256, 256)``, values 0 to 255 of the scanner's arbitrary unit.

    The file stores each value in the high byte of two.

    Raises:
        DataError: when the installed matplotlib does not bring the file.
    """
    try:
        raw = gzip.decompress(Path(cbook.get_sample_data(BRAIN, asfileobj=False)).read_bytes())
    except OSError:
        raise DataError(
            f"the installed matplotlib has no sample file {BRAIN}; give a picture with image=PATH"
        ) from None
    return np.frombuffer(raw, dtype="<u2").reshape(256, 256).astype(np.float64) / 256


def grey_image(path: str | None) -> Array:
    """Grey values of an image file or a ``.npy`` array, float64 ``(height, width)``.

    Colours are averaged; of a volume ``(depth, height, width)`` the middle slice is taken.

    Args:
        path: of the file; None for :func:`brain_slice`.

    Raises:
        DataError: when it cannot be read, or is constant.
    """
    if path is None:
        return brain_slice()
    if not Path(path).is_file():
        raise DataError(f"image={path!r}: there is no such file")
    try:
        if path.endswith(".npy"):
            values = np.load(path, allow_pickle=False).astype(np.float64)
        else:
            with Image.open(path) as picture:
                grey = picture if picture.mode.startswith(("I", "F", "L")) else picture.convert("RGB")
                values = np.asarray(grey, dtype=np.float64)
                values = values.mean(axis=2) if values.ndim == 3 else values
    except (OSError, ValueError, UnidentifiedImageError) as error:
        raise DataError(f"image={path!r} is neither a picture nor a .npy array: {error}") from None
    if values.ndim == 3:
        values = values[len(values) // 2]
    if values.ndim != 2 or not np.isfinite(values).all() or np.ptp(values) == 0:
        raise DataError(f"image={path!r} must hold finite grey values (height, width) that differ")
    return values

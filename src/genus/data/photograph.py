"""One photograph: data for models that learn from the inside of a single image."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from genus.core.errors import DataError
from genus.core.registry import data
from genus.data.dataset import Dataset
from genus.data.image_source import open_images
from genus.data.images import Alpha, Mode, no_bomb_warnings, read_header
from genus.data.packaged import package_file
from genus.data.split import fingerprint


@data("photograph")
def photograph(
    *,
    which: Literal["china", "flower"] = "china",
    path: str | None = None,
    longest: int | None = 128,
    mode: Mode = "auto",
    alpha: Alpha = "refuse",
) -> Dataset:
    """One image, which is the whole of both splits: nothing of it is held out.

    Without a path it is a photograph that scikit-learn brings; reading it imports none of that
    package's code.

    Args:
        which: photograph without a ``path``: ``china``, a temple, or ``flower``, a dahlia.
        path: of an image file.
        longest: pixels of its longer side; larger images are made smaller, smaller ones stay. Null
            keeps every pixel.
        mode: channels to deliver; ``auto`` keeps what the file has.
        alpha: what becomes of transparency, as for ``folder``.

    Raises:
        DataError: for a file that cannot be read, or when scikit-learn is not installed.

    >>> photograph(longest=64).spec.shape
    (3, 43, 64)
    """
    if path is None:
        file = package_file("sklearn", "scikit-learn", f"datasets/images/{which}.jpg")
    else:
        file = Path(path).expanduser()
    if path is not None and not file.is_file():
        raise DataError(f"{path}: there is no such file; photograph reads one image file")
    if longest is not None and longest < 1:
        raise DataError(f"longest={longest}: give the pixels of the longer side, such as 128")
    with no_bomb_warnings():
        header = read_header(file)
    share = 1.0 if longest is None else min(1.0, longest / max(header.height, header.width))
    size = [max(1, round(side * share)) for side in (header.height, header.width)]
    source, content = open_images([file], size=size, resize="stretch", mode=mode, alpha=alpha)
    return Dataset(
        name="photograph",
        spec=source.spec,
        train=source,
        test=source,
        fingerprint=fingerprint(*content),
        description=f"one photograph, {which}" if path is None else f"one image, {path}",
        licence="CC BY 2.0 (Daniel Buechele; Vultilion)" if path is None else "",
    )

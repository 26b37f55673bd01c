"""One image file as a value of a space: the only way from a user's file to a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genus.core.errors import DataError, InputError
from genus.core.file_units import from_file
from genus.core.space import Space
from genus.data.checks import Array
from genus.data.images import Alpha, Layout, Resize, no_bomb_warnings, read_header, read_image


def read_image_as(
    path: Path,
    space: Space,
    *,
    sides: tuple[int, ...] | None = None,
    resize: Resize = "refuse",
    alpha: Alpha = "refuse",
) -> Tensor:
    """An image file as a value of a space, ``(1, channels, *sides)``.

    Args:
        path: the file.
        space: an image or a map of labels; its channels decide on grey or colour.
        sides: height and width; those of the space unless given, those of the file with ``(0, 0)``.
        resize: how another size becomes this one.
        alpha: what becomes of transparency where the space has none.

    Returns:
        float32 in [0, 1], or int64 numbers of labels.

    Raises:
        InputError: saying what does not fit.
    """
    channels, *own = space.shape
    if len(own) != 2:
        raise InputError(f"wanted is {space.describe()}, which no image file holds")
    if not path.is_file():
        raise InputError(f"there is no image {str(path)!r}; wanted is {space.describe()}")
    try:
        with no_bomb_warnings():
            header = read_header(path)
            found = (header.height, header.width)
            wanted = tuple(own) if sides is None else found if sides == (0, 0) else sides
            if resize == "refuse" and found != wanted:
                raise InputError(
                    f"{path}: is {header.height}×{header.width}; wanted is {space.describe()}. Bring it to "
                    "that size as the training images were"
                )
            keep = channels in (2, 4)
            if header.alpha and not keep and alpha == "refuse":
                raise InputError(f"{path}: may have transparent pixels; save it without")
            labels = space.kind == "labels"
            layout = Layout(
                *wanted, colour=channels > 2, bits=header.bits, keep_alpha=keep, alpha=alpha, resize=resize,
                labels=labels,
            )  # fmt: skip
            values = read_image(path, layout)[None]
    except DataError as error:
        raise InputError(str(error)) from None
    if values.shape[1] != channels:
        raise InputError(f"{path}: has {values.shape[1]} channels; wanted is {space.describe()}")
    if labels:
        return _label_numbers(values, space, path)
    if space.window is not None and space.window[1] > 1:
        raise InputError(
            f"the model learned from numbers up to {space.window[1]:g}, which no image file holds"
        )
    return torch.from_numpy(from_file(values.astype(np.float32) / ((1 << header.bits) - 1), space))


def _label_numbers(values: Array, space: Space, path: Path) -> Tensor:
    """Numbers of the labels that grey values stand for."""
    numbers = np.full(values.shape, -1, dtype=np.int64)
    for number, name in enumerate(space.names):
        numbers[values == int(name)] = number
    if (numbers < 0).any():
        strange = sorted(set(np.unique(values).tolist()) - {int(name) for name in space.names})
        raise InputError(
            f"{path}: holds the value {strange[0]}, which is no label; the labels are "
            f"{', '.join(space.names)}"
        )
    return torch.from_numpy(numbers)

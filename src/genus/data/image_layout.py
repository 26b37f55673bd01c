"""One layout for all images of a folder, or an error that shows how they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import TypeVar

from genus.core.errors import DataError
from genus.data.images import Alpha, Header, Layout, Mode, Resize

_T = TypeVar("_T", bound=Hashable)


def choose_layout(
    headers: Sequence[Header],
    paths: Sequence[Path],
    *,
    size: int | Sequence[int] | None = None,
    resize: Resize = "refuse",
    mode: Mode = "auto",
    alpha: Alpha = "refuse",
) -> Layout:
    """Decide size, channels and depth for all images.

    Args:
        headers: one per image, at least one.
        paths: the files, for messages.
        size: height and width, one number for both, or None when all agree.
        resize: how other sizes become ``size``.
        mode: channels; ``auto`` asks that all agree.
        alpha: what becomes of transparency.

    Raises:
        DataError: with a histogram of what differs, and the setting that would resolve it.

    >>> grey, large = Header(8, 8, False, False, 8, "L"), Header(9, 8, False, False, 8, "L")
    >>> choose_layout([grey, grey], [Path("a"), Path("b")]).shape
    (1, 8, 8)
    >>> choose_layout([grey, large], [Path("a"), Path("b")], size=8, resize="crop").shape
    (1, 8, 8)
    """
    height, width = _size(headers, size, resize)
    bits = _agreed(headers, lambda h: h.bits, "bits per channel", "convert all files to one depth")
    transparent = [i for i, h in enumerate(headers) if h.alpha]
    if transparent and bits == 16:
        raise DataError(f"{paths[transparent[0]]}: transparency in 16-bit images is not supported; remove it")
    if transparent and alpha == "refuse":
        raise DataError(
            f"{len(transparent)} of {len(headers)} images may have transparent pixels (the first is "
            f"{paths[transparent[0]]}); say what becomes of them: alpha: drop, white, black or keep"
        )
    return Layout(
        height=height,
        width=width,
        colour=_colour(headers, paths, mode),
        bits=bits,
        keep_alpha=bool(transparent) and alpha == "keep",
        alpha=alpha,
        resize=resize,
    )


def _size(headers: Sequence[Header], size: int | Sequence[int] | None, resize: Resize) -> tuple[int, int]:
    sizes = Counter((h.height, h.width) for h in headers)
    if size is None:
        if len(sizes) > 1:
            raise DataError(
                f"the images have {len(sizes)} sizes (height×width, how often): {_histogram(sizes)}; "
                "set size, for example size: 64, and resize: crop, pad or stretch"
            )
        return next(iter(sizes))
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if len(sides) != 2 or min(sides) < 1:
        raise DataError(f"size is a number of pixels, or [height, width]; got {size!r}")
    if resize == "refuse" and set(sizes) != {sides}:
        raise DataError(
            f"size is {sides[0]}×{sides[1]}, but the images are (height×width, how often): "
            f"{_histogram(sizes)}; set resize: crop, pad or stretch"
        )
    return sides[0], sides[1]


def _colour(headers: Sequence[Header], paths: Sequence[Path], mode: Mode) -> bool:
    if mode != "auto":
        return mode == "rgb"
    for header, path in zip(headers, paths, strict=True):
        if header.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
            raise DataError(f"{path}: is {header.mode}; set mode: rgb or mode: grey to convert it")
    return _agreed(
        headers, lambda h: h.colour, "kinds", "set mode: grey or mode: rgb", {True: "colour", False: "grey"}
    )


def _agreed(
    headers: Sequence[Header],
    of: Callable[[Header], _T],
    what: str,
    advice: str,
    names: dict[_T, str] | None = None,
) -> _T:
    counts = Counter(of(header) for header in headers)
    if len(counts) > 1:
        shown = ", ".join(f"{(names or {}).get(k, str(k))} ({n} images)" for k, n in counts.most_common())
        raise DataError(f"the images differ in {what}: {shown}; {advice}")
    return next(iter(counts))


def _histogram(sizes: Counter[tuple[int, int]]) -> str:
    shown = [f"{h}×{w} ({n})" for (h, w), n in sizes.most_common(8)]
    return ", ".join(shown) + (f", and {len(sizes) - 8} more" if len(sizes) > 8 else "")

"""Image files: what a header says, and decoding under a declared policy."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageOps

from genus.core.errors import DataError
from genus.data.checks import Array

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".ppm", ".pgm", ".pbm"}
)
"""Names of files that are taken for images."""

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "PPM")
"""The only decoders used; a file of another format is refused whatever its name."""

MAX_PIXELS = 1 << 26
"""Largest image that is decoded (67 million pixels), whatever a header promises."""

Alpha = Literal["refuse", "drop", "white", "black", "keep"]
Resize = Literal["refuse", "crop", "pad", "stretch"]
Mode = Literal["auto", "grey", "rgb"]

_GREY_8 = ("1", "L", "LA")
_COLOUR_8 = ("P", "PA", "RGB", "RGBA")
_GREY_16 = ("I;16", "I;16B", "I;16L", "I;16N")
_DECLARED = ("CMYK", "YCbCr", "LAB", "HSV")
_TURNED = 5
"""EXIF orientations from 5 on exchange height and width."""


@dataclass(frozen=True)
class Header:
    """Header of an image file.

    Args:
        height: pixels, after the turn that EXIF asks for.
        width: pixels, likewise.
        colour: whether it has colour channels; a palette counts as colour.
        alpha: whether some pixels may be transparent.
        bits: 8 or 16 per channel.
        mode: Pillow's name of the pixel format, for messages.
    """

    height: int
    width: int
    colour: bool
    alpha: bool
    bits: int
    mode: str


@dataclass(frozen=True)
class Layout:
    """Common form of all images of a data set.

    Args:
        height: pixels.
        width: pixels.
        colour: three channels rather than one.
        bits: 8 or 16.
        keep_alpha: whether opacity follows as the last channel.
        alpha: what happens to transparency.
        resize: how another size becomes this one.
        labels: whether values are numbers of labels: never mixed when resized, indices of a palette kept.
    """

    height: int
    width: int
    colour: bool
    bits: int
    keep_alpha: bool = False
    alpha: Alpha = "refuse"
    resize: Resize = "refuse"
    labels: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return (3 if self.colour else 1) + self.keep_alpha, self.height, self.width


@contextmanager
def no_bomb_warnings() -> Iterator[None]:
    """Silence Pillow's warning of large images: :func:`read_header` refuses them itself.

    Warning filters belong to the whole process, so this stands around threads, not inside them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def read_header(path: Path) -> Header:
    """Read size and pixel format without decoding.

    Raises:
        DataError: for an unreadable or oversized file, several frames, or values that would
            lose bits.
    """
    with _opened(path, path) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise DataError(
                f"{path}: {height:,} × {width:,} pixels is more than {MAX_PIXELS / 1e6:.0f} million; "
                "nothing was decoded. Cut it into tiles first"
            )
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":  # a photograph with previews behind it
            raise DataError(f"{path}: holds {frames} frames; store one image per file")
        bits = _bits(image, path)
        # The method of the base class, since that of PNG decodes the image to look behind it.
        # Pillow's size of a TIFF is turned already.
        if image.format != "TIFF" and Image.Image.getexif(image).get(0x0112, 1) >= _TURNED:
            width, height = height, width
        mode = image.mode
        return Header(height, width, mode in _COLOUR_8 + _DECLARED, image.has_transparency_data, bits, mode)


def read_image(path: Path, layout: Layout, content: bytes | None = None) -> Array:
    """Decode one image to ``layout``.

    Args:
        path: the file.
        layout: what to deliver.
        content: the file's bytes where they were read already.

    Returns:
        uint8 or uint16 ``layout.shape``.

    Raises:
        DataError: naming the file that cannot be read or does not fit.
    """
    with _opened(path, path if content is None else io.BytesIO(content)) as opened:
        if (_bits(opened, path) == 16) != (layout.bits == 16):
            raise DataError(f"{path}: no longer has {layout.bits} bits per channel")
        image = ImageOps.exif_transpose(opened)
        if layout.labels:
            values = np.asarray(_resized(_label_image(image, path), layout, path))
            return values.astype(np.uint16 if layout.bits == 16 else np.uint8)[None]
        if layout.bits == 16:
            grey = Image.fromarray(np.asarray(image).astype(np.float32))
            values = np.rint(np.asarray(_resized(grey, layout, path))).clip(0, 65535).astype(np.uint16)
            return np.repeat(values[None], 3, axis=0) if layout.colour else values[None]
        values = np.asarray(_resized(_flattened(image, layout, path), layout, path))
    return np.ascontiguousarray(values.transpose(2, 0, 1)) if values.ndim == 3 else values[None].copy()


@contextmanager
def _opened(path: Path, source: Path | io.BytesIO) -> Iterator[Image.Image]:
    """Open with the allowed decoders; whatever one of them raises, the file is at fault."""
    try:
        with Image.open(source, formats=FORMATS) as image:
            yield image
    except DataError:
        raise
    except Image.DecompressionBombError:
        raise DataError(
            f"{path}: promises more than {MAX_PIXELS / 1e6:.0f} million pixels; nothing was decoded"
        ) from None
    except Exception as error:
        raise DataError(f"{path}: cannot be read as an image ({error}); repair or remove it") from None


def _bits(image: Image.Image, path: Path) -> int:
    """Bits per channel; refuses files of which Pillow would drop bits in silence."""
    if image.mode in _GREY_16 or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return 16
    if image.mode not in _GREY_8 + _COLOUR_8 + _DECLARED:
        raise DataError(
            f"{path}: pixel format {image.mode!r} is not supported; "
            "store 8-bit or 16-bit images, or .npy arrays"
        )
    tile: Any = (getattr(image, "tile", None) or [("", (), 0, ())])[0]
    arguments = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
    deep = any(";16" in str(a) for a in arguments)
    deep |= image.format == "PPM" and any(isinstance(a, int) and a > 255 for a in arguments)
    if image.format == "TIFF":
        deep |= max(getattr(image, "tag_v2", {}).get(258, (8,))) > 8
    if deep:
        raise DataError(f"{path}: 16-bit colour would be read as 8-bit; store it as a .npy or .npz array")
    return 8


def _label_image(image: Image.Image, path: Path) -> Image.Image:
    """An image whose values are numbers: grey, or the indices of a palette."""
    if image.mode == "P":
        return Image.fromarray(np.asarray(image))
    if image.mode in ("1", "L", *_GREY_16, "I"):
        return image.convert("L") if image.mode == "1" else image
    raise DataError(
        f"{path}: pixel format {image.mode!r} holds no label numbers; store label maps as grey or palette "
        "images"
    )


def _flattened(image: Image.Image, layout: Layout, path: Path) -> Image.Image:
    """Bring an 8-bit image to the layout's channels, transparency treated as declared."""
    image.load()
    target = "RGB" if layout.colour else "L"
    if image.has_transparency_data:
        if layout.alpha == "refuse":
            raise DataError(f"{path}: has transparent pixels; set alpha: drop, white, black or keep")
        image = image.convert("LA" if image.mode in _GREY_8 else "RGBA")
        if layout.alpha in ("white", "black"):
            opacity = image.getchannel("A")
            image = image.convert(target)
            background = Image.new(target, image.size, layout.alpha)
            background.paste(image, mask=opacity)
            return background
    if layout.keep_alpha:
        image = image.convert("RGBA")  # there is no direct way from a palette to grey with opacity
        return image if layout.colour else image.convert("LA")
    return image if image.mode == target else image.convert(target)


def _resized(image: Image.Image, layout: Layout, path: Path) -> Image.Image:
    """Bring an image to the layout's size: bicubic with antialiasing, labels by their nearest pixel."""
    size = (layout.width, layout.height)
    if image.size == size:
        return image
    how = Image.Resampling.NEAREST if layout.labels else Image.Resampling.BICUBIC
    if layout.resize == "crop":
        return ImageOps.fit(image, size, method=how)
    if layout.resize == "pad":
        return ImageOps.pad(image, size, method=how)
    if layout.resize == "stretch":
        return image.resize(size, resample=how)
    raise DataError(
        f"{path}: is {image.height}×{image.width}, not {layout.height}×{layout.width}; "
        "set resize: crop, pad or stretch"
    )

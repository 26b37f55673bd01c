"""Laplacian pyramids of signals, images and volumes of any size, which can be put together again."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from genus.layers.resampling import halved, pyramid, separable

_CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_SHRINKS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
_ENLARGES = (2 / 16, 8 / 16, 12 / 16, 8 / 16, 2 / 16)


def pyramid_sizes(size: tuple[int, ...], smallest: int = 8) -> list[tuple[int, ...]]:
    """Sizes from the smallest to ``size``, each the half of the next, rounded up.

    Args:
        size: sides of an image.
        smallest: the chain ends before a side would be shorter.

    Raises:
        RecipeError: when ``size`` itself has a shorter side.

    >>> pyramid_sizes((28, 32))
    [(14, 16), (28, 32)]
    """
    return pyramid(size, smallest)


def shrink(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """Blur by [1, 4, 6, 4, 1]/16 and take every second place, as often as leads to a size.

    Args:
        x: ``(n, channels, *sides)``; places outside repeat the border.
        size: sides of a smaller level of its pyramid.

    Returns:
        ``(n, channels, *size)``.

    Raises:
        ValueError: when halving does not lead there.

    Paper: Burt and Adelson, The Laplacian pyramid as a compact image code, 1983.
    """
    for _ in _chain(size, tuple(x.shape[2:])):
        dims, channels = x.dim() - 2, x.shape[1]
        kernel = separable(_SHRINKS, dims, x.dtype, x.device).expand(channels, 1, *(5,) * dims)
        x = F.pad(x, (2, 2) * dims, mode="replicate")
        x = _CONVOLVE[dims](x, kernel, stride=2, groups=channels)
    return x


def enlarge(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """Insert zeros and blur by [1, 4, 6, 4, 1]/8, as often as leads to a size.

    Args:
        x: ``(n, channels, *sides)``; places outside repeat the border.
        size: sides of a larger level of its pyramid.

    Returns:
        ``(n, channels, *size)``.

    Raises:
        ValueError: when doubling does not lead there.

    Paper: Burt and Adelson, The Laplacian pyramid as a compact image code, 1983.
    """
    for target in _chain(tuple(x.shape[2:]), size):
        dims, channels = x.dim() - 2, x.shape[1]
        kernel = separable(_ENLARGES, dims, x.dtype, x.device).expand(channels, 1, *(5,) * dims)
        extra = [after - 2 * before + 1 for before, after in zip(x.shape[2:], target, strict=True)]
        x = F.pad(x, (1, 1) * dims, mode="replicate")
        x = _TRANSPOSED[dims](x, kernel, stride=2, padding=4, output_padding=extra, groups=channels)
    return x


def laplacian(x: Tensor, sizes: Sequence[tuple[int, ...]]) -> list[Tensor]:
    """The smallest image, then for each larger size the detail that enlarging the smaller lacks.

    h_k = I_k − enlarge(I_{k+1}), with I_{k+1} = shrink(I_k).

    Args:
        x: ``(n, channels, *sides)``.
        sizes: from the smallest to that of ``x``, as from :func:`pyramid_sizes`.

    Returns:
        One tensor per size, the smallest first.

    Paper: arXiv:1506.05751, equation 4.
    """
    levels: list[Tensor] = []
    for size in reversed(sizes[:-1]):
        small = shrink(x, size)
        levels.insert(0, x - enlarge(small, tuple(x.shape[2:])))
        x = small
    return [x, *levels]


def collapse(levels: Sequence[Tensor]) -> Tensor:
    """The image whose :func:`laplacian` pyramid is given: I_k = enlarge(I_{k+1}) + h_k.

    Paper: arXiv:1506.05751, equation 5.
    """
    x = levels[0]
    for detail in levels[1:]:
        x = enlarge(x, tuple(detail.shape[2:])) + detail
    return x


def _chain(small: tuple[int, ...], large: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Sizes after ``small`` up to ``large``."""
    sizes: list[tuple[int, ...]] = []
    now = large
    while now != small:
        if max(now) <= 1:
            raise ValueError(f"{small} and {large} are not sizes of one pyramid")
        sizes.insert(0, now)
        now = halved(now)
    return sizes

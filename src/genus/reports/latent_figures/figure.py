"""Figures of a latent space: what they hold, what is requested, and how their examples are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from genus.core.batch import Condition, repeated
from genus.core.capabilities import LatentSpace, StyleSpace
from genus.core.model import Model
from genus.core.noise import Noise
from genus.sampling.draw import device_of

if TYPE_CHECKING:

    class LatentModel(Model, LatentSpace):
        """A model with a latent."""

    class StyleModel(LatentModel, StyleSpace):
        """A model with styles."""


@dataclass(frozen=True, kw_only=True)
class FigureRequest:
    """The settings of a figure.

    Args:
        rows: of the figure, >= 1.
        columns: of the figure, >= 2.
        seed: sample i of the same seed in ``genus sample`` has the same latent.
        condition: classes or conditions ``(rows, ...)``, one per row; a figure of one condition takes the
            first. Codes ``(rows, size)``, NaN where they are drawn at random. None for a model without
            conditions, or whose codes are all drawn at random.
        linear: straight ways between latents in place of great circles.
        code: name of the code that the columns of a traversal go through; None for the first number that
            is random, or else the first category.
        terms: numbers of the samples whose mean latents are A, B and C in A − B + C.
    """

    rows: int = 6
    columns: int = 8
    seed: int = 0
    condition: Condition | None = None
    linear: bool = False
    code: str | None = None
    terms: tuple[Sequence[int], Sequence[int], Sequence[int]] = ((0, 1, 2), (3, 4, 5), (6, 7, 8))


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Examples in rows.

    Args:
        examples: ``(rows · columns, *spec.shape)`` in data units, row by row.
        columns: examples in a row.
        caption: what is seen, for people.
    """

    examples: Tensor
    columns: int
    caption: str


def latents(model: LatentModel, seed: int, numbers: Sequence[int]) -> Tensor:
    """Latents ``(n, latent)`` of the samples with these numbers, as ``genus sample`` draws them."""
    device = device_of(model)
    return torch.cat(
        [model.draw_latent(1, noise=Noise(seed, start=number, block=1, device=device)) for number in numbers]
    )


def generate(model: LatentModel, z: Tensor, condition: Condition | None, seed: int, number: int) -> Tensor:
    """Examples of latents, all with the other noise of one sample."""
    drawn = [
        model.generate_from(
            z[i : i + 1],
            condition=None if condition is None else condition[i : i + 1],
            noise=Noise(seed, start=number, block=1, device=z.device),
        )
        for i in range(len(z))
    ]
    return torch.cat(drawn)


def alike(condition: Condition | None, row: int, n: int) -> Condition | None:
    """The condition of one row, ``n`` times."""
    return None if condition is None else repeated(condition[row : row + 1], n)

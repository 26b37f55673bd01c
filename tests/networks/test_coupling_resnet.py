"""The network of couplings: sides kept, large images folded."""

from __future__ import annotations

import pytest
import torch

from genus.core.errors import RecipeError
from genus.networks.coupling_resnet import coupling_resnet


@pytest.mark.parametrize("sides", [(9,), (40,), (7, 5), (28, 17), (18, 3, 2)])
def test_keeps_sides_in_one_two_and_three_dimensions(sides: tuple[int, ...]) -> None:
    net = coupling_resnet((2, *sides), (6, *sides), width=4)
    assert net(torch.randn(3, 2, *sides)).shape == (3, 6, *sides)


def test_large_images_are_folded() -> None:
    small, large = (coupling_resnet((1, side), (1, side), width=4) for side in (16, 17))
    assert (small.fold, large.fold) == (1, 2)


def test_vectors_are_refused() -> None:
    with pytest.raises(RecipeError, match="choose mlp"):
        coupling_resnet((4,), (8,))

"""The convolutional encoder of any size."""

from __future__ import annotations

import pytest
import torch

from genus.core.errors import RecipeError
from genus.networks.convnet import Shrink, convnet


@pytest.mark.parametrize("size", [(1,), (100,), (1, 1), (5, 4), (28, 28), (3, 70), (9, 2, 6)])
@pytest.mark.parametrize("norm", ["batch", "layer", "instance", "none"])
def test_any_size(size: tuple[int, ...], norm: str) -> None:
    net = convnet((2, *size), (7,), width=3, norm=norm).eval()  # type: ignore[arg-type]
    assert net(torch.rand(2, 2, *size)).shape == (2, 7)


def test_width_doubles_up_to_eightfold() -> None:
    def widths(side: int) -> list[int]:
        net = convnet((1, side, side), (5,), width=4)
        return [m.out_channels for m in net.modules() if isinstance(m, torch.nn.Conv2d)]

    assert widths(4) == [4, 4]
    assert widths(28) == [4, 4, 8, 8, 16, 16, 32, 32]  # 28, 14, 7, 4
    assert widths(128) == [4, 4, 8, 8, 16, 16, 32, 32, 32, 32, 32, 32]


def test_shrinking_averages() -> None:
    x = torch.arange(8.0).view(1, 1, 2, 4)
    assert Shrink((1, 2))(x).tolist() == [[[[2.5, 4.5]]]]
    assert Shrink((2, 4))(x) is x


def test_what_it_cannot_map_is_refused() -> None:
    for shapes in (((5,), (3,)), ((1, 8, 8), (1, 8, 8))):
        with pytest.raises(RecipeError, match="use 'mlp'"):
            convnet(*shapes)

"""Planar layers against dense determinants, also where they almost fold."""

from __future__ import annotations

import pytest
import torch

from genus.layers.planar import Planar
from tests.bijections import check_bijection


def layer(seed: int, size: int = 3, scale: float = 2.0) -> Planar:
    torch.manual_seed(seed)
    planar = Planar(size).double()
    torch.nn.init.normal_(planar.direction, std=scale)
    torch.nn.init.normal_(planar.normal, std=scale)
    torch.nn.init.normal_(planar.offset)
    return planar


@pytest.mark.parametrize("seed", range(5))
def test_log_determinant_and_round_trip(seed: int) -> None:
    check_bijection(layer(seed), (3,))


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0])
def test_it_never_folds(scale: float) -> None:
    for seed in range(50):
        planar = layer(seed, scale=scale)
        direction, margin = (part.detach() for part in planar.invertible_direction())
        product = direction @ planar.normal.detach()
        assert float(product) >= -1 - 1e-9
        assert float(margin) > 0
        assert float(margin) == pytest.approx(float(1 + product), abs=1e-9)
        assert torch.isfinite(planar(10 * torch.randn(100, 3).double())[1]).all()

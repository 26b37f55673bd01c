"""Folding is a permutation with padding."""

from __future__ import annotations

import pytest
import torch

from genus.layers.folding import depth_to_space, haar, inverse_haar, space_to_depth


@pytest.mark.parametrize("sides", [(7,), (4, 6), (5, 8), (3, 4, 5)])
@pytest.mark.parametrize("block", [1, 2, 3])
def test_unfolding_undoes_folding(sides: tuple[int, ...], block: int) -> None:
    x = torch.randn(2, 3, *sides, generator=torch.Generator().manual_seed(0))
    folded = space_to_depth(x, block)
    assert folded.shape == (2, 3 * block ** len(sides), *(-(-s // block) for s in sides))
    assert torch.equal(depth_to_space(folded, block, sides), x)


def test_folds_like_pixel_unshuffle() -> None:
    x = torch.randn(2, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(space_to_depth(x, 2), torch.nn.functional.pixel_unshuffle(x, 2))


@pytest.mark.parametrize("sides", [(8,), (4, 6), (2, 4, 6)])
def test_haar_is_orthonormal_and_its_first_channels_are_means(sides: tuple[int, ...]) -> None:
    x = torch.randn(2, 3, *sides, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = haar(x)
    assert torch.allclose(inverse_haar(y), x, atol=1e-12)
    assert torch.allclose(y.square().sum(), x.square().sum(), atol=1e-9)
    half = torch.nn.functional.interpolate(x, [side // 2 for side in sides], mode="area")
    assert torch.allclose(y[:, :3], half * 2 ** (len(sides) / 2), atol=1e-9)

"""Folding is a permutation with padding."""

from __future__ import annotations

import pytest
import torch

from genus.layers.folding import depth_to_space, space_to_depth


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

"""What a masked perceptron sees."""

from __future__ import annotations

import pytest
import torch

from genus.core.errors import RecipeError
from genus.networks.masked_mlp import masked_mlp


@pytest.mark.parametrize("size", [1, 2, 5])
def test_outputs_see_earlier_elements_and_all_of_them(size: int) -> None:
    torch.manual_seed(0)
    net = masked_mlp((size,), (3 * size,), hidden=(64, 64)).double()
    x = torch.randn(20, size, dtype=torch.float64)
    jacobians = torch.func.vmap(torch.func.jacrev(lambda v: net(v[None])[0]))(x)
    reach = jacobians.abs().sum(0).view(3, size, size)
    for numbers in reach:
        assert not numbers.triu().any()
        assert (numbers[torch.ones(size, size).tril(-1).bool()] > 0).all()


def test_images_are_refused() -> None:
    with pytest.raises(RecipeError, match="vector"):
        masked_mlp((1, 2, 2), (4,))

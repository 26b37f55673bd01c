"""Conditions reach networks, and networks that cannot take them are refused."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from genus.core.errors import RecipeError
from genus.core.space import class_space
from genus.layers.condition import StepEmbedding, build_conditioned, sinusoids
from genus.networks.residual_mlp import residual_mlp


def test_sinusoids_distinguish_all_steps() -> None:
    found = sinusoids(torch.arange(1, 1001), 64)
    distances = torch.cdist(found, found) + 10 * torch.eye(1000)
    assert float(distances.min()) > 0.05
    assert torch.allclose(found.square().sum(1), torch.full((1000,), 32.0))


def deaf(inputs: tuple[int, ...], outputs: tuple[int, ...]) -> nn.Module:
    return nn.Linear(inputs[0], outputs[0])


deaf.genus_name = "deaf"  # type: ignore[attr-defined]


def test_network_without_condition_is_refused_by_name() -> None:
    build_conditioned(partial(residual_mlp, width=8), (2,), (2,), 4)
    with pytest.raises(RecipeError, match="'deaf' takes none"):
        build_conditioned(partial(deaf), (2,), (2,), 4)


def test_embedding_depends_on_step_and_class() -> None:
    torch.manual_seed(0)
    embedding = StepEmbedding(8, class_space("abc"))
    step, condition = torch.tensor([5, 5, 6]), torch.tensor([0, 1, 0])
    a, b, c = embedding(step, condition)
    assert not torch.allclose(a, b)
    assert not torch.allclose(a, c)

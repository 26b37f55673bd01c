"""f-GAN bounds: hand values, conjugates by their definition, tightness at the best discriminator."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from genus.core.binder import bind, resolve
from genus.objectives.f_gan import CONJUGATES

GENERATORS: dict[str, Callable[[Tensor], Tensor]] = {
    "kl": lambda u: u * u.log(),
    "reverse-kl": lambda u: -u.log(),
    "chi-squared": lambda u: (u - 1).square(),
    "hellinger": lambda u: (u.sqrt() - 1).square(),
    "total-variation": lambda u: (u - 1).abs() / 2,
    "jensen-shannon": lambda u: u * u.log() - (u + 1) * ((u + 1) / 2).log(),
}
POINTS = {  # loss of D and of G (not saturating) at v = 1 for real, v = 0 for generated
    "kl": (math.exp(-1) - 1, 0.0),
    "reverse-kl": (-1 + math.exp(-1), 1.0),
    "chi-squared": (-1.0, 0.0),
    "hellinger": (-(1 - math.exp(-1)), 0.0),
    "total-variation": (-math.tanh(1) / 2, 0.0),
    "jensen-shannon": (-(math.log(2) - math.log1p(math.exp(-1))), 0.0),
}


@pytest.mark.parametrize("name", CONJUGATES)
def test_by_hand(name: str) -> None:
    objective = bind("objective", resolve("objective", {"name": "f-gan", "divergence": name}, "o"))
    real, fake = torch.ones(3, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    players = objective(real, fake)
    assert players.discriminator.item() == pytest.approx(POINTS[name][0], abs=1e-12)
    assert players.generator.item() == pytest.approx(POINTS[name][1], abs=1e-12)
    saturating = bind(
        "objective", resolve("objective", {"name": "f-gan", "divergence": name, "saturating": True}, "o")
    )
    assert saturating(real, fake).generator == -CONJUGATES[name].conjugate(fake).mean()


@pytest.mark.parametrize("name", CONJUGATES)
def test_conjugates_are_suprema(name: str) -> None:
    """f*(t) = sup_u ut − f(u), on a fine grid of u."""
    u = torch.logspace(-6, 3, 400_001, dtype=torch.float64)
    law = CONJUGATES[name]
    for v in (-0.7, 0.0, 0.4):
        score = torch.tensor(v, dtype=torch.float64)
        supremum = (u * law.activation(score) - GENERATORS[name](u)).max()
        assert law.conjugate(score).item() == pytest.approx(supremum.item(), abs=1e-4)


@pytest.mark.parametrize("name", CONJUGATES)
def test_the_best_discriminator_reaches_the_divergence(name: str) -> None:
    p = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    q = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)
    divergence = (q * GENERATORS[name](p / q)).sum().item()
    scores = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    law = CONJUGATES[name]
    optimizer = torch.optim.LBFGS([scores], max_iter=500, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = (q * law.conjugate(scores)).sum() - (p * law.activation(scores)).sum()
        value.backward()
        return value

    optimizer.step(loss)
    bound = -loss().item()
    assert bound == pytest.approx(divergence, abs=2e-3 if name == "total-variation" else 1e-6)
    assert bound <= divergence + 1e-9

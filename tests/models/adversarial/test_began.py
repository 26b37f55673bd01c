"""BEGAN: its balance by hand, the pulling-away term against closed forms."""

from __future__ import annotations

import pytest
import torch

from genus.models.adversarial.began import pulling_away


def test_pulling_away_by_hand() -> None:
    assert pulling_away(torch.tensor([[1.0, 0.0], [3.0, 0.0]])).item() == pytest.approx(1.0)
    assert pulling_away(torch.tensor([[1.0, 0.0], [-3.0, 0.0]])).item() == pytest.approx(1.0)
    sixty = torch.tensor([[1.0, 0.0], [0.5, 0.75**0.5]])
    assert pulling_away(sixty).item() == pytest.approx(0.25)


def test_pulling_away_of_random_codes_is_one_over_d() -> None:
    code = torch.randn(3000, 20, generator=torch.Generator().manual_seed(0))
    assert pulling_away(code).item() == pytest.approx(1 / 20, rel=0.02)

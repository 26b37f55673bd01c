"""Ways between latents: ends, lengths, and where no circle is unique."""

from __future__ import annotations

import math

import pytest
import torch

from genus.latents.paths import lerp, slerp

T = torch.linspace(0, 1, 7)


@pytest.mark.parametrize("way", [lerp, slerp])
def test_ways_start_and_end_at_their_latents(way) -> None:  # type: ignore[no-untyped-def]
    a, b = torch.randn(2, 5, 16)
    path = way(a, b, T)
    assert path.shape == (5, 7, 16)
    torch.testing.assert_close(path[:, 0], a)
    torch.testing.assert_close(path[:, -1], b)


def test_great_circles_keep_the_length_and_turn_evenly() -> None:
    a, b = torch.nn.functional.normalize(torch.randn(2, 5, 16), dim=2) * 4
    path = slerp(a, b, T)
    torch.testing.assert_close(path.norm(dim=2), torch.full((5, 7), 4.0))
    steps = torch.nn.functional.cosine_similarity(path[:, :-1], path[:, 1:], dim=2)
    torch.testing.assert_close(steps, steps[:, :1].expand_as(steps))
    quarter = slerp(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 2.0]]), torch.tensor([1 / 3]))[0, 0]
    expected = [2 * math.cos(math.pi / 6), 2 * math.sin(math.pi / 6)]
    assert quarter.tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("factor", [1.0, -1.0, 3.0])
def test_parallel_latents_are_joined_straight(factor: float) -> None:
    a = torch.randn(3, 8)
    torch.testing.assert_close(slerp(a, factor * a, T), lerp(a, factor * a, T))

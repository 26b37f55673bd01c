"""Schedules of discrete diffusion models: how much noise each step adds."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor


def betas(schedule: Literal["linear", "cosine"], num_steps: int) -> Tensor:
    """Variances β₁ … β_T that each step adds.

    ``linear``: from 10⁻⁴ to 0.02 at T = 1000 (arXiv:2006.11239), scaled by 1000/T otherwise.
    ``cosine``: ᾱ_t = cos²(π/2 · (t/T + .008)/1.008), β at most .999 (arXiv:2102.09672).

    Args:
        schedule: ``linear`` or ``cosine``.
        num_steps: T, >= 2.

    Returns:
        float64 ``(num_steps,)``.

    >>> betas("linear", 1000)[[0, -1]].tolist()
    [0.0001, 0.02]
    """
    if schedule == "linear":
        scale = 1000 / num_steps
        return torch.linspace(1e-4 * scale, 0.02 * scale, num_steps, dtype=torch.float64).clamp_max(0.999)
    time = torch.linspace(0, 1, num_steps + 1, dtype=torch.float64)
    kept = torch.cos((time + 0.008) / 1.008 * math.pi / 2).square()
    return (1 - kept[1:] / kept[:-1]).clamp_max(0.999)

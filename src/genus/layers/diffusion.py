"""The forward process of a diffusion model: how much noise there is at each step."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn


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


class NoiseSchedule(nn.Module):
    """Diffusion of an example into noise: q(x_t | x_0) = N(√ᾱ_t x_0, (1 − ᾱ_t) I).

    Steps count from 1 to ``num_steps``; step 0 is the example itself. Tables are float64 and are
    derived from ``betas``, so they are not saved.

    Args:
        betas: ``(num_steps,)``, in (0, 1).
    """

    log_signal: Tensor
    """ln ᾱ_0 … ln ᾱ_T."""
    signal: Tensor
    """ᾱ_0 … ᾱ_T, the share of the variance that is signal."""
    dirt: Tensor
    """1 − ᾱ_0 … 1 − ᾱ_T, computed without cancellation."""

    def __init__(self, betas: Tensor) -> None:
        super().__init__()
        logs = torch.cat([betas.new_zeros(1), torch.log1p(-betas).cumsum(0)])
        self.register_buffer("log_signal", logs, persistent=False)
        self.register_buffer("signal", logs.exp(), persistent=False)
        self.register_buffer("dirt", -torch.expm1(logs), persistent=False)

    @property
    def num_steps(self) -> int:
        """T."""
        return len(self.signal) - 1

    def diffuse(self, x: Tensor, step: Tensor, noise: Tensor) -> Tensor:
        """Noisy example x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε.

        Args:
            x: clean examples ``(n, …)``.
            step: ``(n,)``.
            noise: ε, standard normal, like ``x``.
        """
        return self._at(self.signal.sqrt(), step, x) * x + self._at(self.dirt.sqrt(), step, x) * noise

    def clean(self, x: Tensor, step: Tensor, noise: Tensor) -> Tensor:
        """Example that a predicted noise implies: x̂_0 = (x_t − √(1 − ᾱ_t) ε)/√ᾱ_t."""
        return (x - self._at(self.dirt.sqrt(), step, x) * noise) / self._at(self.signal.sqrt(), step, x)

    def noise_of(self, x: Tensor, step: Tensor, clean: Tensor) -> Tensor:
        """Noise that a predicted example implies: ε = (x_t − √ᾱ_t x̂_0)/√(1 − ᾱ_t)."""
        return (x - self._at(self.signal.sqrt(), step, x) * clean) / self._at(self.dirt.sqrt(), step, x)

    def noise_of_velocity(self, x: Tensor, step: Tensor, velocity: Tensor) -> Tensor:
        """Noise that a predicted velocity implies: ε = √ᾱ_t v + √(1 − ᾱ_t) x_t (arXiv:2202.00512)."""
        return self._at(self.signal.sqrt(), step, x) * velocity + self._at(self.dirt.sqrt(), step, x) * x

    def posterior(
        self, x: Tensor, clean: Tensor, step: Tensor, earlier: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Moments of q(x_s | x_t, x_0) for a step s before t.

        With β_{t|s} = 1 − ᾱ_t/ᾱ_s, its mean is
        (√ᾱ_s β_{t|s} x_0 + √(ᾱ_t/ᾱ_s) (1 − ᾱ_s) x_t)/(1 − ᾱ_t) and its variance
        β_{t|s} (1 − ᾱ_s)/(1 − ᾱ_t).

        Args:
            x: x_t, ``(n, …)``.
            clean: x_0, ``(n, …)``.
            step: t, ``(n,)``.
            earlier: s < t, ``(n,)``.

        Returns:
            mean, variance, and β_{t|s}; the last two broadcast over examples.
        """
        log_ratio = self.log_signal[step] - self.log_signal[earlier]
        added = -torch.expm1(log_ratio)
        scale = 1 / self.dirt[step]
        of_clean = self.signal[earlier].sqrt() * added * scale
        of_noisy = (log_ratio / 2).exp() * self.dirt[earlier] * scale
        mean = _like(of_clean, x) * clean + _like(of_noisy, x) * x
        return mean, _like(added * self.dirt[earlier] * scale, x), _like(added, x)

    def _at(self, table: Tensor, step: Tensor, x: Tensor) -> Tensor:
        return _like(table[step], x)


def _like(values: Tensor, x: Tensor) -> Tensor:
    """One number per example, in the type of ``x`` and broadcastable with it."""
    return values.to(x.dtype).view(-1, *[1] * (x.dim() - 1))

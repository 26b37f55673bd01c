"""Noise paths: variance preserving, variance exploding, straight, and discrete schedules as paths."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from genus.core.errors import InputError, RecipeError
from genus.core.noise_path import NoisePath, Rates
from genus.core.ranges import Positive
from genus.core.registry import noise_path
from genus.layers.betas import betas


class _Preserving(NoisePath):
    """A path given by L(t) = ln α², from 0 down: α = exp(L/2), σ² = 1 − exp(L)."""

    def log_signal(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """L and L′."""
        raise NotImplementedError

    def rates(self, time: Tensor) -> Rates:
        logs, slope = self.log_signal(time)
        signal, noise = (logs / 2).exp(), (-torch.expm1(logs)).sqrt()
        return Rates(signal, noise, signal * slope / 2, -slope * logs.exp() / (2 * noise))

    def time_at(self, fraction: Tensor) -> Tensor:
        return self.first + (self.last - self.first) * fraction

    def added(self, time: Tensor, earlier: Tensor) -> Tensor:
        return -torch.expm1(self.log_signal(time)[0] - self.log_signal(earlier)[0])


@noise_path("variance-preserving", paper="arXiv:2011.13456")
class VariancePreserving(_Preserving):
    """The VP SDE dx = −½ β(t) x dt + √β(t) dw with β linear in t, in [0, 1]; data have unit variance.

    α = exp(−½ ∫β), σ² = 1 − α².

    Args:
        beta_min: β(0).
        beta_max: β(1); 20 leaves α(1) = .0066.
        first: smallest time.
    """

    last = 1.0

    def __init__(
        self, *, beta_min: Positive = 0.1, beta_max: Positive = 20.0, first: Positive = 1e-3
    ) -> None:
        super().__init__()
        _refuse_order("first", first, self.last)
        self.beta_min, self.beta_max, self.first = beta_min, beta_max, first

    def log_signal(self, time: Tensor) -> tuple[Tensor, Tensor]:
        growth = self.beta_max - self.beta_min
        return -time * (self.beta_min + growth * time / 2), -(self.beta_min + growth * time)


@noise_path("sub-variance-preserving", paper="arXiv:2011.13456")
class SubVariancePreserving(VariancePreserving):
    """The sub-VP SDE: α as in the VP SDE, but σ = 1 − α², so the variance is never larger than there."""

    def __init__(self, **rest: float) -> None:
        super().__init__(**rest)

    def rates(self, time: Tensor) -> Rates:
        logs, slope = self.log_signal(time)
        signal = (logs / 2).exp()
        return Rates(signal, -torch.expm1(logs), signal * slope / 2, -slope * logs.exp())

    def added(self, time: Tensor, earlier: Tensor) -> Tensor:
        return NoisePath.added(self, time, earlier)


@noise_path("variance-exploding", paper="arXiv:2206.00364")
class VarianceExploding(NoisePath):
    """Noise on top of unchanged data: α = 1, and time is the noise's deviation itself, σ = t.

    The VE SDE of arXiv:2011.13456 and the levels of NCSN are this path on a clock of their own, on which σ
    grows by equal factors (``time_at``). Networks know a time by ln σ.

    Args:
        sigma_min: smallest deviation.
        sigma_max: largest one; about the largest distance between two examples.
        spacing: of the deviations that samplers visit: equal factors (``geometric``), or equal steps of
            σ^(1/ρ) (``karras``).
        rho: ρ.
    """

    def __init__(
        self,
        *,
        sigma_min: Positive = 0.002,
        sigma_max: Positive = 80.0,
        spacing: Literal["geometric", "karras"] = "karras",
        rho: Positive = 7.0,
    ) -> None:
        super().__init__()
        _refuse_order("sigma_min", sigma_min, sigma_max)
        self.first, self.last = sigma_min, sigma_max
        self.spacing, self.rho = spacing, rho

    def rates(self, time: Tensor) -> Rates:
        one = torch.ones_like(time)
        return Rates(one, time, torch.zeros_like(time), one)

    def time_at(self, fraction: Tensor) -> Tensor:
        return self.first * (self.last / self.first) ** fraction

    def grid(self, num_steps: int) -> Tensor:
        if num_steps < 1:
            raise InputError(f"a sampler needs 1 step or more, not {num_steps}")
        left = torch.linspace(1, 0, num_steps, dtype=torch.float64)
        if self.spacing == "geometric":
            found = self.time_at(left)
        else:
            low, high = self.first ** (1 / self.rho), self.last ** (1 / self.rho)
            found = (low + (high - low) * left) ** self.rho
        return torch.cat([found, found.new_zeros(1)])

    def position(self, time: Tensor) -> Tensor:
        return 250 * time.log()


@noise_path("straight", paper="arXiv:2210.02747")
class Straight(NoisePath):
    """The straight path between an example and noise: α = 1 − t, σ = t, with dx/dt = ε − x₀.

    The papers count time from noise (0) to data (1); here it is 1 − t of theirs, and velocities are of
    opposite sign.

    Args:
        first: smallest time.
    """

    last = 1.0

    def __init__(self, *, first: Positive = 1e-3) -> None:
        super().__init__()
        _refuse_order("first", first, self.last)
        self.first = first

    def rates(self, time: Tensor) -> Rates:
        one = torch.ones_like(time)
        return Rates(1 - time, time, -one, one)

    def time_at(self, fraction: Tensor) -> Tensor:
        return self.first + (self.last - self.first) * fraction


@noise_path("cosine", paper="arXiv:2102.09672")
class Cosine(_Preserving):
    """α = cos(π t/2), σ = sin(π t/2): the cosine schedule in continuous time, without its offset.

    Args:
        first: smallest time.
        last: largest one, below 1, where no signal is left.
    """

    def __init__(self, *, first: Positive = 1e-3, last: Positive = 0.999) -> None:
        super().__init__()
        _refuse_order("first", first, last)
        _refuse_order("last", last, 1.0)
        self.first, self.last = first, last

    def log_signal(self, time: Tensor) -> tuple[Tensor, Tensor]:
        angle = time * (math.pi / 2)
        return 2 * angle.cos().log(), -math.pi * angle.tan()


@noise_path("discrete", paper="arXiv:2006.11239")
class Discrete(_Preserving):
    """A schedule of T steps as a path: step k is the time k/T, and ln α² is linear between steps.

    Args:
        schedule: of β, ``linear`` (arXiv:2006.11239) or ``cosine`` (arXiv:2102.09672).
        num_steps: T.
    """

    log_table: Tensor
    last = 1.0

    def __init__(self, *, schedule: Literal["linear", "cosine"] = "linear", num_steps: int = 1000) -> None:
        super().__init__()
        if num_steps < 2:
            raise RecipeError(f"a noise path needs at least 2 num_steps, not {num_steps}")
        logs = torch.log1p(-betas(schedule, num_steps)).cumsum(0)
        self.register_buffer("log_table", torch.cat([logs.new_zeros(1), logs]), persistent=False)
        self.first = 1 / num_steps
        self.num_steps = num_steps

    def log_signal(self, time: Tensor) -> tuple[Tensor, Tensor]:
        place = time * self.num_steps
        step = torch.where((place - place.round()).abs() < 1e-6, place.round(), place.ceil())
        above = step.long().clamp(1, self.num_steps)
        low, high = self.log_table[above - 1], self.log_table[above]
        return low + (high - low) * (place - (above - 1)), (high - low) * self.num_steps

    def grid(self, num_steps: int) -> Tensor:
        return (super().grid(num_steps) * self.num_steps).round() / self.num_steps

    def position(self, time: Tensor) -> Tensor:
        return (time * self.num_steps).round(decimals=6)


def _refuse_order(name: str, low: float, high: float) -> None:
    if not low < high:
        raise RecipeError(f"a noise path needs {name} below {high:g}, not {low:g}")

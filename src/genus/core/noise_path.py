"""Paths from data into noise in continuous time, and what networks predict along them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from genus.core.errors import InputError

Predicts = Literal["noise", "clean", "v", "score", "velocity", "residual"]
"""What a network gives: ε, x₀, v = α ε − σ x₀ (arXiv:2202.00512), ∇ log p_t, dx_t/dt = α′ x₀ + σ′ ε, or what
is left of x₀ after the best linear estimate from x_t, in units of its deviation (arXiv:2206.00364)."""


@dataclass(frozen=True)
class Estimate:
    """An estimate of what a noisy example x_t = α x₀ + σ ε is made of.

    Args:
        clean: x̂₀, ``(n, *shape)``.
        noise: ε̂, likewise; consistent with x̂₀ and x_t.
        spread: where the log of the reverse variance lies between its smallest (0) and its largest value (1),
            likewise, of models that learn it; else None.
    """

    clean: Tensor
    noise: Tensor
    spread: Tensor | None = None

    def towards(self, other: Estimate, scale: float) -> Estimate:
        """self + scale (other − self): beyond ``other`` for a scale above 1; both belong to one x_t."""
        clean = self.clean + scale * (other.clean - self.clean)
        return Estimate(clean, self.noise + scale * (other.noise - self.noise), other.spread)


class Rates(NamedTuple):
    """Coefficients of a path at some times, and their derivatives by time; float64, of the times' shape."""

    signal: Tensor
    """α(t)"""
    noise: Tensor
    """σ(t)"""
    signal_rate: Tensor
    """α′(t)"""
    noise_rate: Tensor
    """σ′(t)"""


class NoisePath(nn.Module, ABC):
    """A path from data to noise: q(x_t | x₀) = N(α(t) x₀, σ(t)² I) for a time t that is continuous.

    Time 0 is the example itself; models know times from ``first`` to ``last``. Discrete schedules are samples
    of such a path. Coefficients are float64.
    """

    first: float
    """Smallest time above 0 that models are trained at."""
    last: float
    """Time of (nearly) pure noise, where sampling begins."""

    @property
    def prior_deviation(self) -> float:
        """Deviation of the normal distribution that sampling begins with: √(α² + σ²), or σ where α is 1."""
        signal, noise = (float(number) for number in self.coefficients(torch.tensor(self.last).double()))
        return noise if signal == 1 else (signal**2 + noise**2) ** 0.5

    @abstractmethod
    def rates(self, time: Tensor) -> Rates:
        """α, σ, α′ and σ′ at times in (0, ``last``], float64."""

    @abstractmethod
    def time_at(self, fraction: Tensor) -> Tensor:
        """Times at fractions in [0, 1] of the path's own clock, from ``first`` to ``last``; float64."""

    def grid(self, num_steps: int) -> Tensor:
        """Times that a sampler visits: ``num_steps`` evenly spread from ``last`` on, then 0.

        Returns:
            float64 ``(num_steps + 1,)``, falling.

        Raises:
            InputError: for fewer than one step, or so many that the last times would be below ``first``.

        >>> from genus.layers.noise_paths import Straight
        >>> Straight().grid(4).tolist()
        [1.0, 0.75, 0.5, 0.25, 0.0]
        """
        most = round(self.last / self.first)
        if not 1 <= num_steps <= most:
            raise InputError(f"a sampler can take 1 to {most} steps of this model, not {num_steps}")
        left = torch.arange(num_steps, -1, -1, dtype=torch.float64)
        return left * (self.last / num_steps)

    def position(self, time: Tensor) -> Tensor:
        """The number by which networks know a time: 1000 t/``last`` unless a path says otherwise."""
        return time * (1000 / self.last)

    def added(self, time: Tensor, earlier: Tensor) -> Tensor:
        """Variance that is added between two times: σ_t² − (α_t/α_s)² σ_s², for s < t; float64.

        Args:
            time: t.
            earlier: s; at 0 all of σ_t² is added.
        """
        now, before = self.coefficients(time), self.coefficients(earlier)
        return (now[1].square() - (now[0] / before[0] * before[1]).square()).clamp_min(0)

    def coefficients(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """α and σ at times in [0, ``last``], float64; 1 and 0 at time 0."""
        found = self.rates(time.clamp_min(self.first * 1e-3))
        clean = time == 0
        return found.signal.masked_fill(clean, 1.0), found.noise.masked_fill(clean, 0.0)

    def posterior(
        self, x: Tensor, clean: Tensor, time: Tensor, earlier: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Moments of q(x_s | x_t, x₀) for a time s before t.

        With β = σ_t² − (α_t/α_s)² σ_s², its mean is (α_s β x₀ + (α_t/α_s) σ_s² x_t)/σ_t² and its variance
        β σ_s²/σ_t².

        Args:
            x: x_t, ``(n, *shape)``.
            clean: x₀, likewise.
            time: t, float64, of all examples or of each, ``(n,)``.
            earlier: s < t, likewise.

        Returns:
            mean, variance, and β; the last two broadcast over examples.
        """
        (signal, dirt), (next_signal, next_dirt) = self.coefficients(time), self.coefficients(earlier)
        added, scale = self.added(time, earlier), 1 / dirt.square()
        of_noisy = signal / next_signal * next_dirt.square() * scale
        mean = like(next_signal * added * scale, x) * clean + like(of_noisy, x) * x
        return mean, like(added * next_dirt.square() * scale, x), like(added, x)

    def diffuse(self, x: Tensor, time: Tensor, noise: Tensor) -> Tensor:
        """Noisy examples α(t) x + σ(t) ε.

        Args:
            x: examples ``(n, *shape)``.
            time: ``(n,)``, float64.
            noise: ε, standard normal, like ``x``.
        """
        signal, dirt = self.coefficients(time)
        return like(signal, x) * x + like(dirt, x) * noise

    def target(
        self, x: Tensor, time: Tensor, noise: Tensor, predicts: Predicts, deviation: float = 1.0
    ) -> Tensor:
        """What a network should return for α(t) x + σ(t) ε.

        Args:
            x: examples ``(n, *shape)``.
            time: ``(n,)``, float64.
            noise: ε, like ``x``.
            predicts: kind of its output.
            deviation: of the data, for ``residual``.
        """
        a, s, a_rate, s_rate = (like(number, x) for number in self.rates(time))
        if predicts == "noise":
            return noise
        if predicts == "clean":
            return x
        if predicts == "v":
            return a * noise - s * x
        if predicts == "score":
            return -noise / s
        if predicts == "residual":
            skip, scale = self.skip(time, deviation)
            return (x - like(skip, x) * (a * x + s * noise)) / like(scale, x)
        return a_rate * x + s_rate * noise

    def skip(self, time: Tensor, deviation: float) -> tuple[Tensor, Tensor]:
        """Factor of the best linear estimate of x₀ from x_t, and deviation of what it leaves; float64.

        c_skip = α d²/(α² d² + σ²) and c_out = σ d/√(α² d² + σ²) for data of deviation d.
        """
        found = self.rates(time)
        variance = (found.signal * deviation).square() + found.noise.square()
        return found.signal * deviation**2 / variance, found.noise * deviation / variance.sqrt()

    def estimate(
        self, output: Tensor, x: Tensor, time: Tensor, predicts: Predicts, deviation: float = 1.0
    ) -> Estimate:
        """x̂₀ and ε̂ from a network's output; exact for exact outputs.

        Args:
            output: of the network, ``(n, *shape)``.
            x: the noisy examples it saw, likewise.
            time: ``(n,)``, float64, above 0.
            predicts: kind of the output.
            deviation: of the data, for ``residual``.
        """
        rates = self.rates(time)
        a, s, a_rate, s_rate = (like(number, x) for number in rates)
        if predicts == "residual":
            skip, scale = (like(number, x) for number in self.skip(time, deviation))
            output, predicts = skip * x + scale * output, "clean"
        if predicts == "clean":
            return Estimate(output, (x - a * output) / s)
        if predicts == "v":
            square = like(rates.signal.square() + rates.noise.square(), x)
            return Estimate((a * x - s * output) / square, (s * x + a * output) / square)
        if predicts == "velocity":
            determinant = a * s_rate - s * a_rate
            clean = (s_rate * x - s * output) / determinant
            return Estimate(clean, (a * output - a_rate * x) / determinant)
        noise = output if predicts == "noise" else -s * output
        return Estimate((x - s * noise) / a, noise)

    def velocity(self, estimate: Estimate, time: Tensor) -> Tensor:
        """dx_t/dt of the probability-flow ODE: α′ x̂₀ + σ′ ε̂, for times ``(n,)``."""
        found = self.rates(time)
        x = estimate.clean
        return like(found.signal_rate, x) * x + like(found.noise_rate, x) * estimate.noise

    def score(self, estimate: Estimate, time: Tensor) -> Tensor:
        """∇ log p_t = −ε̂/σ, for times ``(n,)``."""
        return -estimate.noise / like(self.rates(time).noise, estimate.noise)


NoisePathFactory = Callable[[], NoisePath]

TimeDistribution = Callable[[Tensor, NoisePath], Tensor]
"""From uniform numbers ``(n,)`` in [0, 1), float64, to the times ``(n,)`` to train at."""


def like(values: Tensor, x: Tensor) -> Tensor:
    """One number per example, in the type of ``x`` and broadcastable with it.

    >>> like(torch.ones(2, dtype=torch.float64), torch.zeros(2, 3, 4)).shape
    torch.Size([2, 1, 1])
    """
    return values.to(x.dtype).view(-1, *[1] * (x.dim() - 1))

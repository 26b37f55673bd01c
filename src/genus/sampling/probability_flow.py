"""The probability-flow ODE solved to a tolerance: samples, and likelihoods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from genus.core.errors import InputError
from genus.core.noise import Noise
from genus.core.ranges import Positive
from genus.core.registry import sampler
from genus.sampling.denoiser import Denoiser

Velocity = Callable[[Tensor], Tensor]
"""dx/dt at one time as a function of x."""

MOST_CALLS = 20_000
"""Evaluations of the model in one solution; an ODE that needs more does not converge."""


@sampler("ode", paper="arXiv:2011.13456")
def adaptive(
    denoise: Denoiser, x: Tensor, times: Tensor, noise: Noise, *, tolerance: Positive = 1e-5
) -> Tensor:
    """Dormand and Prince's method (RK45) with steps of its own, to the smallest time of the path, then x̂₀.

    Of ``times`` it uses the first and the last. Examples that are drawn together share their steps, so that
    they depend on each other to within the tolerance.

    Args:
        tolerance: relative and absolute error of a step.
    """
    del noise
    first = torch.tensor(denoise.path.first, dtype=torch.float64, device=x.device)
    end = torch.maximum(times[-1].to(x.device), first)
    x = solve(denoise, x, times[0], end, tolerance=tolerance)[0]
    return denoise(x, end).clean if times[-1] == 0 else x


def solve(
    denoise: Denoiser,
    x: Tensor,
    start: Tensor,
    end: Tensor,
    *,
    tolerance: float,
    divergence: Callable[[Velocity, Tensor], tuple[Tensor, Tensor]] | None = None,
) -> tuple[Tensor, Tensor]:
    """Solve dx/dt = α′ x̂₀ + σ′ ε̂ from one time to another; times never leave the interval.

    Args:
        denoise: the model.
        x: examples ``(n, …)`` at ``start``.
        start, end: times above 0, float64 scalars, in either order.
        tolerance: relative and absolute error of a step.
        divergence: from (velocity as a function of x, x) to the velocity and its divergence ``(n,)``, which
            is integrated, too.

    Returns:
        x at ``end``, and the integral of the divergence ``(n,)``, 0 without one.

    Raises:
        InputError: when the solution does not converge, with tolerance and time.
    """
    n = len(x)

    def slope(time: float, state: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if denoise.calls > MOST_CALLS:
            raise InputError(_failure(tolerance, time, f"after {MOST_CALLS:,} calls of the model"))
        at = torch.tensor(time, dtype=torch.float64, device=x.device)
        now = torch.as_tensor(state[: x.numel()]).to(x).view_as(x)

        def velocity(y: Tensor) -> Tensor:
            return denoise.path.velocity(denoise(y, at), at.expand(n))

        moved, change = (velocity(now), x.new_zeros(n)) if divergence is None else divergence(velocity, now)
        found = torch.cat([moved.flatten(), change]).double().cpu().numpy()
        if not np.isfinite(found).all():
            raise InputError(_failure(tolerance, time, "the slope is not finite"))
        return found

    initial = torch.cat([x.flatten(), x.new_zeros(n)]).double().cpu().numpy()
    solution: Any = solve_ivp(
        slope, (float(start), float(end)), initial, rtol=tolerance, atol=tolerance, method="RK45"
    )
    if not solution.success:
        raise InputError(_failure(tolerance, float(solution.t[-1]), str(solution.message)))
    last = torch.as_tensor(solution.y[:, -1]).to(x)
    return last[: x.numel()].view_as(x), last[x.numel() :]


def log_likelihood(
    denoise: Denoiser, x: Tensor, *, noise: Noise, tolerance: float = 1e-5, probes: int | None = None
) -> Tensor:
    """Log-density by the change of variables along the ODE (arXiv:2011.13456, eq. 39).

    log p(x) = log N(x_T; 0, (α_T² + σ_T²) I) + ∫ ∇·v dt + d ln α_first: x counts as the mean of its noisy
    form at the path's smallest time, and p_T as normal. Both hold up to the signal-to-noise ratio there.

    Args:
        denoise: the model.
        x: ``(n, …)`` on the model's scale.
        noise: for probes.
        tolerance: of the ODE.
        probes: random directions of Hutchinson's estimate of ∇·v, which is unbiased; None for all d
            coordinates, which is exact.

    Returns:
        nats ``(n,)``.
    """
    path, d = denoise.path, x[0].numel()
    directions = None if probes is None else noise.bernoulli(torch.full((len(x), probes, d), 0.5)) * 2 - 1
    first, last = (torch.tensor(end, dtype=torch.float64, device=x.device) for end in (path.first, path.last))
    scale = float(path.coefficients(first)[0])
    end, change = solve(
        denoise, scale * x, first, last, tolerance=tolerance,
        divergence=lambda velocity, y: _divergence(velocity, y, directions),
    )  # fmt: skip
    variance = path.prior_deviation**2
    normal = -0.5 * (end.flatten(1).square().sum(1) / variance + d * np.log(2 * np.pi * variance))
    return normal + change + d * np.log(scale)


def _divergence(velocity: Velocity, x: Tensor, directions: Tensor | None) -> tuple[Tensor, Tensor]:
    """The velocity at ``x`` and its divergence, or Hutchinson's estimate of that."""
    d = x[0].numel()
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        moved = velocity(x)
        flow = moved.flatten(1)
        total = x.new_zeros(len(x))
        count = d if directions is None else directions.shape[1]
        for i in range(count):
            if directions is None:
                along = torch.zeros_like(flow)
                along[:, i] = 1
            else:
                along = directions[:, i].to(flow)
            (slopes,) = torch.autograd.grad(flow, x, along, retain_graph=i + 1 < count)
            total = total + (slopes.flatten(1) * along).sum(1)
    return moved.detach(), (total if directions is None else total / count).detach()


def _failure(tolerance: float, time: float, why: str) -> str:
    return (
        f"the probability-flow ODE did not converge to a tolerance of {tolerance:g} at t = {time:g} ({why}); "
        "train longer, or choose a larger tolerance"
    )

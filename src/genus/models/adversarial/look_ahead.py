"""Steps of an optimiser that are looked ahead, differentiable, and change nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor
from torch.nn import Parameter

from genus.core.errors import RecipeError

Weights = dict[str, Tensor]
Slopes = Mapping[str, Tensor | None]
"""By name; None for a weight on which nothing depends, which stays as it is."""
Optimizers = Mapping[Parameter, torch.optim.Optimizer]


def descend(weights: Weights, slopes: Slopes, rate: float) -> Weights:
    """A step of gradient descent, θ − η ∇f.

    Args:
        weights: θ by name.
        slopes: ∇f by name, shaped as the weights, or None.
        rate: η, > 0.
    """
    return {
        name: weight if (slope := slopes[name]) is None else weight - rate * slope
        for name, weight in weights.items()
    }


class AdamAhead:
    """Adam (arXiv:1412.6980) from where an optimiser stands, as a differentiable function.

    m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², θ ← θ − η m̂ / √(v̂ + ε²). Rates and moments are
    those of the optimiser that owns the parameters at the time; it is not changed.
    """

    def __init__(self, parameters: Mapping[str, Parameter], optimizers: Optimizers) -> None:
        """Take over where the optimisers of ``parameters`` stand.

        Raises:
            RecipeError: when they are not Adam.
        """
        owner = optimizers.get(next(iter(parameters.values())))
        if type(owner) is not torch.optim.Adam:
            named = "there is none" if owner is None else f"it is {type(owner).__name__}"
            raise RecipeError(
                "unroll_rate=null looks ahead with the discriminator's own optimiser, which must be adam, "
                f"but {named}: set optimizer.name=adam, or model.unroll_rate, the rate of plain steps"
            )
        settings = owner.param_groups[0]
        self._rate: float = settings["lr"]
        self._betas: tuple[float, float] = settings["betas"]
        self._floor: float = settings["eps"] ** 2
        known = {name: owner.state.get(parameter) or {} for name, parameter in parameters.items()}
        self._first = {n: known[n].get("exp_avg", torch.zeros_like(p)) for n, p in parameters.items()}
        self._second = {n: known[n].get("exp_avg_sq", torch.zeros_like(p)) for n, p in parameters.items()}
        self._steps = {n: float(known[n].get("step", 0)) for n in parameters}

    def step(self, weights: Weights, slopes: Slopes) -> Weights:
        """The weights one step on; the moments move on with them.

        Args:
            weights: θ by name.
            slopes: ∇f by name, shaped as the weights, or None: Adam then leaves weight and moments alone.
        """
        one, two = self._betas
        ahead: Weights = {}
        for name, weight in weights.items():
            slope = slopes[name]
            if slope is None:
                ahead[name] = weight
                continue
            self._steps[name] += 1
            self._first[name] = one * self._first[name] + (1 - one) * slope
            self._second[name] = two * self._second[name] + (1 - two) * slope.square()
            mean = self._first[name] / (1 - one ** self._steps[name])
            scale = (self._second[name] / (1 - two ** self._steps[name]) + self._floor).sqrt()
            ahead[name] = weight - self._rate * mean / scale
        return ahead


def stepper(
    rate: float | None, parameters: Mapping[str, Parameter], optimizers: Optimizers
) -> Callable[[Weights, Slopes], Weights]:
    """The function from weights and gradients to the weights after one step.

    Args:
        rate: of gradient descent; None for the optimiser that owns the parameters.
        parameters: what is stepped, by name.
        optimizers: of this stage, by parameter; where there are none at all, as when batch-norm statistics
            are taken of finished weights, nothing will step and nothing is stepped ahead.

    Raises:
        RecipeError: when ``rate`` is None and the owner is not Adam.
    """
    if rate is not None:
        return partial(descend, rate=rate)
    if not optimizers:
        return partial(descend, rate=0.0)
    return AdamAhead(parameters, optimizers).step

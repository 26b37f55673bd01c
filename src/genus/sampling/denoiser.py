"""A denoising model as samplers see it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from genus.core.batch import Condition
from genus.core.capabilities import Denoises
from genus.core.noise_path import Estimate, NoisePath


@dataclass
class Denoiser:
    """A model with a condition bound, as samplers see it; counts its calls.

    Args:
        model: estimates x₀ and ε.
        condition: of each example, or None.
        bounds: range of clean examples on the model's scale, or None.
    """

    model: Denoises
    condition: Condition | None = None
    bounds: tuple[float, float] | None = None
    calls: int = 0
    """Evaluations of the model so far."""

    @property
    def path(self) -> NoisePath:
        """The model's path into noise."""
        return self.model.path

    def __call__(self, x: Tensor, time: Tensor, *, clip: bool = False) -> Estimate:
        """Estimate of noisy examples.

        Args:
            x: ``(n, *shape)``.
            time: of all of them, a float64 scalar above 0.
            clip: bring x̂₀ into ``bounds``, where there are such; ε̂ follows.
        """
        self.calls += 1
        times = time.expand(len(x))
        found = self.model.estimate(x, times, self.condition)
        if not clip or self.bounds is None:
            return found
        clean = found.clean.clamp(*self.bounds)
        return replace(self.path.estimate(clean, x, times, "clean"), spread=found.spread)

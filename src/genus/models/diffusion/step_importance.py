"""Importance sampling of the steps that a diffusion model is trained at."""

from __future__ import annotations

import torch
from torch import Tensor, nn

HISTORY = 10
"""Terms of each step that are remembered (arXiv:2102.09672, section 3.3)."""


class StepImportance(nn.Module):
    """Draws steps t in proportion to √E[L_t²] over the latest terms of each, uniformly until all have enough.

    Args:
        num_steps: T.
    """

    terms: Tensor
    seen: Tensor

    def __init__(self, num_steps: int) -> None:
        super().__init__()
        self.register_buffer("terms", torch.zeros(num_steps, HISTORY, dtype=torch.float64))
        self.register_buffer("seen", torch.zeros(num_steps, dtype=torch.int64))

    def probabilities(self) -> Tensor:
        """Of steps 1 … T, float64 ``(T,)``; one in a thousand draws is uniform, so that none is 0."""
        uniform = torch.full_like(self.terms[:, 0], 1 / len(self.terms))
        if int(self.seen.min()) < HISTORY:
            return uniform
        sizes = self.terms.square().mean(1).sqrt()
        return 0.999 * sizes / sizes.sum() + 0.001 * uniform

    def draw(self, uniform: Tensor) -> Tensor:
        """Steps ``(n,)``, from 1 to T, from uniform numbers in [0, 1), float64."""
        ends = self.probabilities().cumsum(0)
        return torch.searchsorted(ends, uniform * ends[-1], right=True).clamp_max(len(ends) - 1) + 1

    def weights(self, steps: Tensor) -> Tensor:
        """1/(T p_t) of steps ``(n,)``, with which means over them are unbiased."""
        return 1 / (len(self.terms) * self.probabilities()[steps - 1])

    @torch.no_grad()
    def update(self, steps: Tensor, terms: Tensor) -> None:
        """Remember terms ``(n,)`` of steps ``(n,)``, each in the place of the oldest of its step."""
        for step, term in zip((steps - 1).tolist(), terms.double().tolist(), strict=True):
            self.terms[step, int(self.seen[step]) % HISTORY] = term
            self.seen[step] += 1

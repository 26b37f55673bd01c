"""The score border of an objective: the score between those of real and of generated examples."""

from __future__ import annotations

from functools import partial

import torch

from genus.core.components import Objective

_FARTHEST = 8.0
"""No objective has its border beyond this score."""

_HALVINGS = 30


def border_of(objective: Objective) -> float:
    """Score of a discriminator that cannot distinguish real from generated examples.

    It is where its loss on equal scores is least: 0 for most objectives, ½ for least squares, log((1 − α) /
    (1 + α)) with labels smoothed by α. Objectives that leave it open have the one that they state, or 0 as
    those of critics.
    """
    slope, otherwise = partial(_slope, objective), stated_border(objective) or 0.0
    middle = slope(0.0)
    if abs(middle) < 1e-9:
        return otherwise
    low, high = (0.0, _FARTHEST) if middle < 0 else (-_FARTHEST, 0.0)
    if not slope(low) < 0 < slope(high):
        return otherwise
    for _ in range(_HALVINGS):
        score = (low + high) / 2
        low, high = (score, high) if slope(score) < 0 else (low, score)
    return (low + high) / 2


def has_border(objective: Objective) -> bool:
    """Whether equal scores of real and generated examples cost the less, the nearer they are to some score.

    Or else whether the objective states its border. Critics and relativistic discriminators only compare:
    adding to all scores changes nothing.
    """
    found = _slope(objective, -_FARTHEST) < 0 < _slope(objective, _FARTHEST)
    return found or stated_border(objective) is not None


def stated_border(objective: Objective) -> float | None:
    """The border that an objective states as its attribute ``border``, where its loss leaves it open."""
    return getattr(getattr(objective, "func", objective), "border", None)


def compares(objective: Objective) -> bool:
    """Whether the generator's loss depends on the scores of real examples, too."""
    with torch.enable_grad():
        real, fake = torch.zeros(2, requires_grad=True), torch.ones(2, requires_grad=True)
        loss = objective(real, fake).generator
        return torch.autograd.grad(loss, real, allow_unused=True)[0] is not None


def _slope(objective: Objective, score: float) -> float:
    """d/ds of the discriminator's loss where all scores are s."""
    with torch.enable_grad():
        s = torch.tensor([score], dtype=torch.float64, device="cpu", requires_grad=True)
        return torch.autograd.grad(objective(s, s).discriminator, s)[0].item()

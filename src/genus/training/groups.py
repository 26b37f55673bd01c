"""Optimiser groups: parameters that one optimiser steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn import Parameter

from genus.core.binder import build
from genus.core.errors import RecipeError
from genus.core.phase import Stage


@dataclass
class Group:
    """Parameters that one optimiser steps."""

    name: str
    parameters: list[Parameter]
    optimizer: torch.optim.Optimizer
    rates: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rates = [float(g["lr"]) for g in self.optimizer.param_groups]

    def scale_rate(self, factor: float) -> None:
        """Set the learning rate to ``factor`` times the recipe's."""
        for settings, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            settings["lr"] = rate * factor


def make_groups(stage: Stage, optimizer: Mapping[str, Any]) -> dict[str, Group]:
    """The groups of a stage by name, each with a fresh optimiser.

    Args:
        stage: its phases name the groups and give their parameters.
        optimizer: the recipe's resolved ``optimizer``.

    Raises:
        RecipeError: for settings that torch refuses.
    """
    base = {k: v for k, v in optimizer.items() if k != "groups"}
    groups: dict[str, Group] = {}
    for phase in stage.phases:
        for name, parameters in phase.updates.items():
            if name not in groups:
                own = {**base, **optimizer.get("groups", {}).get(name, {})}
                chosen = list(parameters())
                try:
                    groups[name] = Group(name, chosen, build("optimizer", own, chosen))
                except ValueError as error:  # torch's own check of rates and decays
                    raise RecipeError(f"optimizer of group {name!r}: {error}") from None
    return groups

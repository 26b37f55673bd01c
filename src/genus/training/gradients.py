"""Gradients of a phase for the parameters of its groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor
from torch.nn import Parameter

from genus.core.errors import RecipeError
from genus.core.phase import Phase, Terms
from genus.training.groups import Group


def gradients_of(
    phase: Phase, terms: Terms | Mapping[str, Terms], groups: Sequence[Group]
) -> list[Tensor | None]:
    """Gradients for the groups' parameters, in their order."""
    take: Callable[..., tuple[Tensor | None, ...]] = torch.autograd.grad
    if not _is_nested(terms):
        parameters = [p for group in groups for p in group.parameters]
        return list(take(_total(phase, cast("Terms", terms)), parameters, allow_unused=True))
    nested = cast("Mapping[str, Terms]", terms)
    missing = {group.name for group in groups} ^ set(nested)
    if missing:
        raise RecipeError(f"phase {phase.name!r}: losses and updated groups differ in {sorted(missing)}")
    found: list[Tensor | None] = []
    for i, group in enumerate(groups):
        keep = i + 1 < len(groups)  # the forward pass is shared, so its graph is kept to the last
        found += take(
            _total(phase, nested[group.name]), group.parameters, allow_unused=True, retain_graph=keep
        )
    return found


def _is_nested(terms: Terms | Mapping[str, Terms]) -> bool:
    return any(isinstance(value, Mapping) for value in terms.values())


def flat_terms(terms: Terms | Mapping[str, Terms]) -> dict[str, Tensor]:
    """Terms by name; those of a group under ``GROUP.NAME``."""
    if not _is_nested(terms):
        return dict(cast("Terms", terms))
    nested = cast("Mapping[str, Terms]", terms)
    return {f"{group}.{name}": value for group, part in nested.items() for name, value in part.items()}


def _total(phase: Phase, terms: Terms) -> Tensor:
    values = iter(terms.values())
    total = next(values)
    for value in values:
        total = total + value
    if not total.requires_grad:
        raise RecipeError(f"phase {phase.name!r}: its loss depends on none of its parameters")
    return total


def laid_out(gradient: Tensor, parameter: Parameter) -> Tensor:
    """A gradient in its parameter's memory layout.

    Fused optimisers walk through both in the order of memory, whatever the strides; ``backward()``
    takes care of that when it fills ``.grad``, ``torch.autograd.grad`` does not.
    """
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


def norm_of(phase: Phase, gradients: Sequence[Tensor | None]) -> Tensor:
    """Norm of all gradients together, a scalar that is finite only when they are."""
    known = [g for g in gradients if g is not None]
    if not known:
        raise RecipeError(f"phase {phase.name!r}: its loss depends on none of its parameters")
    return torch.stack(torch._foreach_norm(known)).norm()
